#include "gradus/cli/metrics.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "gradus/core/error.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/bytes.h"

namespace gradus {
namespace {

using Json = nlohmann::ordered_json;

std::optional<EpochFigures> figures_of(const std::string& line) {
  const Json j = Json::parse(line, nullptr, false);
  if (!j.is_object()) return {};
  EpochFigures figures;
  for (const auto& [key, value] : j.items()) {
    if (!value.is_number()) return {};
    if (key == "epoch") value.get_to(figures.epoch);
    else if (key == "step") value.get_to(figures.step);
    else if (key == "loss") value.get_to(figures.loss);
    else if (key == "lr") value.get_to(figures.lr);
    else if (key == "seconds") value.get_to(figures.seconds);
    else figures.scores.emplace_back(key, value.get<double>());
  }
  return figures;
}

class JsonLines : public MetricsSink {
 public:
  JsonLines(const std::string& path, const std::vector<EpochFigures>& before) : path_(path) {
    std::string text;
    for (const EpochFigures& figures : before) text += json_line(figures) + "\n";
    write_file(path, {{text.data(), text.size()}});
  }
  void add(const EpochFigures& figures) override { append_to_file(path_, json_line(figures) + "\n"); }

 private:
  std::string path_;
};

}  // namespace

std::string json_line(const EpochFigures& figures) {
  Json j = {{"epoch", figures.epoch},
            {"step", figures.step},
            {"loss", figures.loss},
            {"lr", figures.lr},
            {"seconds", figures.seconds}};
  for (const auto& [name, value] : figures.scores) j[name] = value;
  return j.dump();
}

std::vector<EpochFigures> read_metrics(const std::string& path, int64_t epochs) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  const std::vector<uint8_t> bytes = read_file(path);
  std::vector<EpochFigures> all;
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] != '\n') continue;
    const std::optional<EpochFigures> figures =
        figures_of(std::string(bytes.begin() + std::ptrdiff_t(begin), bytes.begin() + std::ptrdiff_t(at)));
    const int64_t last = all.empty() ? 0 : all.back().epoch;
    if (figures && figures->epoch > last && figures->epoch <= epochs) all.push_back(*figures);
    begin = at + 1;
  }
  return all;
}

void append_to_file(const std::string& path, const std::string& bytes) {
  FILE* file = std::fopen(path.c_str(), "ae");
  const bool written = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = file && std::fclose(file) == 0;
  if (!written || !closed)
    throw FileError(
        fmt::format("{}: cannot be written ({}); make room, and go on with --resume", path, std::strerror(errno)));
}

std::unique_ptr<MetricsSink> json_lines(const std::string& path, const std::vector<EpochFigures>& before) {
  return std::make_unique<JsonLines>(path, before);
}

}  // namespace gradus
