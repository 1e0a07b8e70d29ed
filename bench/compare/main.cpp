// gradus beside PyTorch: the same work in turns, in one run, with one thread each, as ratios.
#include <fmt/color.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/bench/compare/peer.h"
#include "gradus/bench/compare/row.h"
#include "gradus/core/random.h"
#include "gradus/core/threads.h"

namespace gradus::bench {
namespace {

using nlohmann::ordered_json;

double seconds_of(const std::function<void()>& work, int repetitions = 1) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  return v[size_t(std::lround(q * double(v.size() - 1)))];
}

// ---- the machine's limits -----------------------------------------------------------------------

struct Limits {
  double bytes_per_second, flops_per_second;
};

// What one thread copies, and how fast it multiplies and adds, at their best of some tries.
Limits limits_of_this_machine() {
  std::vector<float> from(1 << 25, 1.0f), to(1 << 25);
  double copy = 0, multiply = 0;
  for (int i = 0; i < 5; ++i)
    copy = std::max(copy, 2.0 * 4.0 * double(from.size()) /
                              seconds_of([&] { std::memcpy(to.data(), from.data(), 4 * from.size()); }));
  constexpr int lanes = 96, rounds = 1 << 16;  // twelve registers of eight: enough to hide the latency
  alignas(64) float x[lanes] = {};
  for (int i = 0; i < 9; ++i)
    multiply = std::max(multiply, 2.0 * lanes * rounds / seconds_of([&] {
                                    for (int r = 0; r < rounds; ++r) {
                                      for (float& v : x) v = __builtin_fmaf(v, 0.999f, 0.5f);
                                    }
                                    asm volatile("" ::"r"(x) : "memory");
                                  }));
  return {copy, multiply};
}

// What this processor calls itself.
std::string processor() {
  std::ifstream facts("/proc/cpuinfo");
  for (std::string line; std::getline(facts, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "an unknown processor";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now));
  return text;
}

// ---- one row ------------------------------------------------------------------------------------

struct Measured {
  double gradus = 0;                                // seconds a repetition
  double peer[2] = {};                              // with the system's malloc as it is, and tuned
  double ratio[2] = {}, low[2] = {}, high[2] = {};  // peer / gradus: the median of the rounds, and their spread
  std::string missing;                              // why the peer has no figure
};

struct Settings {
  int rounds = 9;
  double least_seconds = 0.02;  // of one turn
};

Measured measure(const Row& row, const std::vector<std::unique_ptr<Peer>>& peers, const Settings& settings) {
  Measured m;
  const std::function<void()> work = row.prepare();
  for (int warm = 0; warm < 3; ++warm) work();
  const int ours = std::max(1, int(settings.least_seconds / std::max(1e-9, seconds_of(work))));
  std::vector<int> theirs;
  for (const auto& peer : peers) {
    m.missing = peer->prepare(row.peer);
    if (!m.missing.empty()) break;
    peer->run(3);
    theirs.push_back(std::max(1, int(settings.least_seconds / std::max(1e-9, peer->run(1)))));
  }
  std::vector<double> mine, their[2], ratios[2];
  for (int round = 0; round < settings.rounds; ++round) {
    mine.push_back(seconds_of(work, ours) / ours);
    for (size_t p = 0; p < theirs.size(); ++p) {
      their[p].push_back(peers[p]->run(theirs[p]) / theirs[p]);
      ratios[p].push_back(their[p].back() / mine.back());
    }
  }
  m.gradus = quantile(mine, 0.5);
  for (size_t p = 0; p < theirs.size(); ++p) {
    m.peer[p] = quantile(their[p], 0.5);
    m.ratio[p] = quantile(ratios[p], 0.5), m.low[p] = quantile(ratios[p], 0.1), m.high[p] = quantile(ratios[p], 0.9);
  }
  return m;
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", 1e6 * seconds);
  return seconds < 1 ? fmt::format("{:.2f} ms", 1e3 * seconds) : fmt::format("{:.2f} s", seconds);
}

// The part of the machine's limit that was reached; 0 where the row states no floor.
double reached(const Row& row, const Limits& limits, double seconds) {
  return std::max(row.bytes / limits.bytes_per_second, row.flops / limits.flops_per_second) / seconds;
}

// ---- the run ------------------------------------------------------------------------------------

struct Options {
  std::string filter, python = "python3", script, json;
  bool quick = false;
};

int run(const Options& options) {
  set_threads(1);
  const Settings settings = options.quick ? Settings{1, 1e-3} : Settings{};
  const std::vector<std::string> equal = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"};
  std::vector<std::string> tuned = equal;
  tuned.insert(tuned.end(), {"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456"});
  std::vector<std::unique_ptr<Peer>> peers;
  for (const auto& environment : {equal, tuned}) {
    auto peer = std::make_unique<Peer>(options.python, options.script, environment);
    if (peer->trouble().empty()) peers.push_back(std::move(peer));
    else fmt::print(stderr, "compare: no peer: {}; name a Python that has torch with --python\n", peer->trouble());
    if (peers.empty()) break;
  }
  const Limits limits = limits_of_this_machine();
  fmt::print("gradus with 1 thread; peer: {}; the second ratio is against the peer with a tuned malloc\n",
             peers.empty() ? "none" : peers[0]->versions());
  fmt::print("this machine, one thread: copies {:.1f} GB/s, computes {:.0f} GFLOP/s\n\n", limits.bytes_per_second / 1e9,
             limits.flops_per_second / 1e9);
  fmt::print("{:<46} {:>10} {:>10} {:>7} {:>13} {:>7} {:>7}\n", "", "gradus", "peer", "ratio", "spread", "tuned",
             "limit");

  ordered_json report = {{"date", today()},
                         {"processor", processor()},
                         {"peer", peers.empty() ? "none" : peers[0]->versions()},
                         {"bytes_per_second", limits.bytes_per_second},
                         {"flops_per_second", limits.flops_per_second},
                         {"rows", ordered_json::array()}};
  std::vector<Row> rows = loss_rows();
  for (Row& row : training_rows()) rows.push_back(std::move(row));
  std::string family;
  for (const Row& row : rows) {
    if (row.name.find(options.filter) == std::string::npos && row.family.find(options.filter) == std::string::npos)
      continue;
    if (row.family != family) fmt::print("{}\n", family = row.family);
    manual_seed(1);
    const Measured m = measure(row, peers, settings);
    const double part = reached(row, limits, m.gradus);
    fmt::print("  {:<44} {:>10} ", row.name, time_text(m.gradus));
    if (m.peer[0] > 0)
      fmt::print("{:>10} {:>6.2f}x {:>5.2f} - {:<5.2f} {:>6.2f}x ", time_text(m.peer[0]), m.ratio[0], m.low[0],
                 m.high[0], m.ratio[1]);
    else fmt::print("{:>47} ", m.missing.empty() ? "no peer" : m.missing);
    fmt::print("{:>6}\n", part > 0 ? fmt::format("{:.0f} %", 100 * part) : "");
    std::fflush(stdout);
    report["rows"].push_back({{"family", row.family},
                              {"name", row.name},
                              {"gradus_seconds", m.gradus},
                              {"peer_seconds", m.peer[0]},
                              {"ratio", m.ratio[0]},
                              {"ratio_low", m.low[0]},
                              {"ratio_high", m.high[0]},
                              {"ratio_malloc_tuned", m.ratio[1]},
                              {"part_of_limit", part}});
  }
  if (!options.json.empty()) std::ofstream(options.json) << report.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace gradus::bench

int main(int argc, char** argv) {
  CLI::App app("gradus beside PyTorch: peer time / gradus time, in turns, one thread each");
  gradus::bench::Options options;
  options.script = GRADUS_SOURCE_DIR "/bench/compare/torch_peer.py";
  app.add_option("--rows", options.filter, "only rows whose name or family holds this text")->type_name("TEXT");
  app.add_option("--python", options.python, "a Python that can import torch")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--json", options.json, "also write the figures here")->type_name("FILE");
  app.add_flag("--quick", options.quick, "each row once, to see that it runs: no figures to quote");
  app.footer("Example:\n  compare --python /usr/bin/python3 --rows \"row losses\"");
  CLI11_PARSE(app, argc, argv);
  return gradus::bench::run(options);
}
