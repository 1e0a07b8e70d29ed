// The figures of a training, epoch by epoch, and the files they are written to.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

using NamedNumbers = std::vector<std::pair<std::string, double>>;

struct EpochFigures {
  int64_t epoch = 0, step = 0;  // done
  double loss = 0, lr = 0, seconds = 0;
  NamedNumbers scores;  // of the test half: "test_loss", "test_accuracy", "precision_at_1"
};

/// One JSON object, without a newline.
std::string json_line(const EpochFigures& figures);
/// The whole lines of metrics.jsonl for epochs 1 to `epochs`; none where there is no file. Lines that are none of ours
/// are left out.
std::vector<EpochFigures> read_metrics(const std::string& path, int64_t epochs);

/// Takes the figures at the end of each epoch.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  /// Throws FileError when they cannot be written.
  virtual void add(const EpochFigures& figures) = 0;
};

/// Adds bytes at a file's end, in one go. Throws FileError.
void append_to_file(const std::string& path, const std::string& bytes);

/// JSON Lines: begins with `before`, written at once, and appends a line for each epoch.
std::unique_ptr<MetricsSink> json_lines(const std::string& path, const std::vector<EpochFigures>& before);

}  // namespace gradus
