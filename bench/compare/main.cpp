// gradus beside PyTorch: the same work in turns, in one run, with one thread each, as ratios; on a GPU too.
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
#include "gradus/core/backend.h"
#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/core/threads.h"
#include "gradus/ops/factories.h"

namespace gradus::bench {
namespace {

using nlohmann::ordered_json;

double seconds_of(const std::function<void()>& work, int repetitions = 1, Device device = cpu) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) work();
  synchronise(device);
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

// What a device copies, at its best of some tries; how fast it computes is not asked.
Limits limits_of(Device device) {
  const int64_t n = std::min<int64_t>(int64_t{1} << 26, properties_of(device).bytes / 32);
  const Tensor from = zeros({n}, Dtype::float32, device);
  Tensor to(from.shape(), from.dtype(), device);
  double copy = 0;
  for (int i = 0; i < 5; ++i)
    copy = std::max(copy, 8.0 * double(n) / seconds_of([&] { copy_elements(from, to); }, 1, device));
  return {copy, 0};
}

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
  double peer[2] = {};                              // with the system's malloc as it is, and tuned; eager, and compiled
  double ratio[2] = {}, low[2] = {}, high[2] = {};  // peer / gradus: the median of the rounds, and their spread
  double speedup = 0;                               // of all threads over one, in gradus; 0: not measured
  std::string missing;                              // why the peer has no figure
};

struct Settings {
  int rounds = 9;
  double least_seconds = 0.02;  // of one turn
  Device device = cpu;
  int all_threads = 1;
};

// How much faster all threads are than one.
double speedup_of(const std::function<void()>& work, int repetitions, double alone, const Settings& settings) {
  if (settings.all_threads < 2 || !(settings.device == cpu)) return 0;
  set_threads(settings.all_threads);
  std::vector<double> together;
  for (int round = 0; round < std::min(settings.rounds, 5); ++round)
    together.push_back(seconds_of(work, repetitions) / repetitions);
  set_threads(1);
  return alone / quantile(together, 0.5);
}

Measured measure(const Row& row, const std::vector<std::unique_ptr<Peer>>& peers, const Settings& settings) {
  Measured m;
  const std::function<void()> work = row.prepare(settings.device);
  for (int warm = 0; warm < 3; ++warm) work();
  synchronise(settings.device);
  const int ours = std::max(1, int(settings.least_seconds / std::max(1e-9, seconds_of(work, 1, settings.device))));
  std::vector<int> theirs;
  for (const auto& peer : peers) {
    m.missing = peer->prepare(row.peer);
    if (!m.missing.empty()) break;
    peer->run(3);
    theirs.push_back(std::max(1, int(settings.least_seconds / std::max(1e-9, peer->run(1)))));
  }
  std::vector<double> mine, their[2], ratios[2];
  for (int round = 0; round < settings.rounds; ++round) {
    mine.push_back(seconds_of(work, ours, settings.device) / ours);
    for (size_t p = 0; p < theirs.size(); ++p) {
      their[p].push_back(peers[p]->run(theirs[p]) / theirs[p]);
      ratios[p].push_back(their[p].back() / mine.back());
    }
  }
  m.gradus = quantile(mine, 0.5);
  m.speedup = speedup_of(work, ours, m.gradus, settings);
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
  const double computing = limits.flops_per_second > 0 ? row.flops / limits.flops_per_second : 0;
  return std::max(row.bytes / limits.bytes_per_second, computing) / seconds;
}

// ---- the run ------------------------------------------------------------------------------------

struct Options {
  std::string filter, python = "python3", script, json, device = "cpu";
  bool quick = false;
};

// What the two peers are told in their environment: another malloc on the CPU, torch.compile on a GPU.
std::vector<std::vector<std::string>> environments(Device device) {
  if (device != cpu) return {{"PEER_DEVICE=cuda"}, {"PEER_DEVICE=cuda", "PEER_COMPILES=1"}};
  const std::vector<std::string> equal = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"};
  std::vector<std::string> tuned = equal;
  tuned.insert(tuned.end(), {"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456"});
  return {equal, tuned};
}

int run(const Options& options) {
  const int all_threads = threads();
  set_threads(1);
  const Device device = options.device == "cuda" ? cuda() : cpu;
  Settings settings;
  if (options.quick) settings.rounds = 1, settings.least_seconds = 1e-3;
  settings.device = device;
  settings.all_threads = all_threads;
  std::vector<std::unique_ptr<Peer>> peers;
  for (const auto& environment : environments(device)) {
    auto peer = std::make_unique<Peer>(options.python, options.script, environment);
    if (peer->trouble().empty()) peers.push_back(std::move(peer));
    else fmt::print(stderr, "compare: no peer: {}; name a Python that has torch with --python\n", peer->trouble());
    if (peers.empty()) break;
  }
  const Limits limits = device == cpu ? limits_of_this_machine() : limits_of(device);
  const std::string machine = device == cpu ? processor() : properties_of(device).name;
  fmt::print("gradus {}; peer: {}; the second ratio is against the peer {}\n",
             device == cpu ? "with 1 thread" : "on " + machine, peers.empty() ? "none" : peers[0]->versions(),
             device == cpu ? "with a tuned malloc" : "compiled");
  if (device == cpu)
    fmt::print("this machine, one thread: copies {:.1f} GB/s, computes {:.0f} GFLOP/s\n\n",
               limits.bytes_per_second / 1e9, limits.flops_per_second / 1e9);
  else fmt::print("it copies {:.1f} GB/s\n\n", limits.bytes_per_second / 1e9);
  fmt::print("{:<46} {:>10} {:>10} {:>7} {:>13} {:>7} {:>7} {:>8}\n", "", "gradus", "peer", "ratio", "spread",
             device == cpu ? "tuned" : "compld", "limit", device == cpu ? fmt::format("{} thr", all_threads) : "");

  ordered_json report = {{"date", today()},
                         {"processor", machine},
                         {"device", text(device)},
                         {"peer", peers.empty() ? "none" : peers[0]->versions()},
                         {"bytes_per_second", limits.bytes_per_second},
                         {"flops_per_second", limits.flops_per_second},
                         {"threads", all_threads},
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
    fmt::print("{:>6} {:>8}\n", part > 0 ? fmt::format("{:.0f} %", 100 * part) : "",
               m.speedup > 0 ? fmt::format("{:.2f}x", m.speedup) : "");
    std::fflush(stdout);
    report["rows"].push_back({{"family", row.family},
                              {"name", row.name},
                              {"gradus_seconds", m.gradus},
                              {"peer_seconds", m.peer[0]},
                              {"ratio", m.ratio[0]},
                              {"ratio_low", m.low[0]},
                              {"ratio_high", m.high[0]},
                              {device == cpu ? "ratio_malloc_tuned" : "ratio_compiled", m.ratio[1]},
                              {"part_of_limit", part},
                              {"speedup", m.speedup}});
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
  app.add_option("--device", options.device, "where both compute")
      ->type_name("cpu|cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--json", options.json, "also write the figures here")->type_name("FILE");
  app.add_flag("--quick", options.quick, "each row once, to see that it runs: no figures to quote");
  app.footer("Example:\n  compare --python /usr/bin/python3 --rows \"row losses\"");
  CLI11_PARSE(app, argc, argv);
  try {
    return gradus::bench::run(options);
  } catch (const gradus::Error& error) {
    fmt::print(stderr, "compare: {}\n", error.what());
    return 1;
  }
}
