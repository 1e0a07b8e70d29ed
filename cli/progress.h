// Progress of a training: a bar on a terminal, a line now and then elsewhere.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "gradus/cli/metrics.h"
#include "gradus/data/meter.h"

namespace gradus {

/// Is this stream a terminal that can redraw a line?
bool on_terminal(FILE* stream);

class Progress {
 public:
  /// For `epochs` epochs of `steps` batches each, of which `done` batches are done already, with the loss of the epoch
  /// under way; written to `out`.
  Progress(int64_t epochs, int64_t steps, FILE* out, int64_t done = 0, RunningMean loss = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A batch of `samples` is done, with this mean loss.
  void step(double loss, int64_t samples);
  /// An epoch is done, and these are its scores, of which the accuracy is shown.
  void end_epoch(const NamedNumbers& scores);
  /// A line of its own.
  void say(const std::string& text) const;

 private:
  using Clock = std::chrono::steady_clock;
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
  std::string figures() const;
  void draw();

  int64_t epochs_, steps_, done_, before_, samples_ = 0;  // before_: done by an earlier run
  FILE* out_;
  bool bar_;
  RunningMean loss_;      // of the epoch under way
  std::string accuracy_;  // of the last epoch that ended
  Clock::time_point begin_ = Clock::now(), drawn_ = {};
};

/// "0.8 s", "2 min 05 s": for people.
std::string duration_text(double seconds);

}  // namespace gradus
