// gradus devices: what gradus can compute on here.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gradus/cli/commands.h"
#include "gradus/core/backend.h"
#include "gradus/core/number.h"
#include "gradus/core/threads.h"

namespace gradus {
namespace {

const char* instruction_set() {
#if defined(__AVX512F__)
  return "x86-64-v4 (AVX-512)";
#elif defined(__AVX2__)
  return "x86-64-v3 (AVX2, FMA)";
#else
  return "baseline";
#endif
}

nlohmann::ordered_json devices() {
  auto all = nlohmann::ordered_json::array({{{"name", "cpu"},
                                             {"available", true},
                                             {"threads", threads()},
                                             {"instructions", instruction_set()},
                                             {"float32_lanes", register_bytes / 4}}});
  std::string why;
  const int count = device_count(&why);
  if (count == 0) all.push_back({{"name", "cuda"}, {"available", false}, {"why", why}});
  for (int i = 0; i < count; ++i) {
    const DeviceProperties p = properties_of(cuda(uint8_t(i)));
    all.push_back({{"name", text(cuda(uint8_t(i)))},
                   {"available", true},
                   {"model", p.name},
                   {"bytes", p.bytes},
                   {"multiprocessors", p.multiprocessors},
                   {"compute_capability", fmt::format("{}.{}", p.major, p.minor)}});
  }
  return all;
}

std::string line_of(const nlohmann::ordered_json& d) {
  const std::string name = d["name"];
  if (name == "cpu")
    return fmt::format("cpu      {} threads, {}, {} float32 lanes a register", d["threads"].get<int>(),
                       d["instructions"].get<std::string>(), d["float32_lanes"].get<int>());
  if (!d["available"]) return fmt::format("cuda     not available: {}", d["why"].get<std::string>());
  return fmt::format("{}   {}; {} MiB, {} multiprocessors, compute capability {}", name, d["model"].get<std::string>(),
                     d["bytes"].get<int64_t>() >> 20, d["multiprocessors"].get<int>(),
                     d["compute_capability"].get<std::string>());
}

}  // namespace

void add_devices(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("devices", "What gradus can compute on here");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print a JSON array of objects");
  command->footer("Example:\n  GRADUS_NUM_THREADS=1 gradus devices");
  command->callback([json] {
    if (*json) return fmt::print("{}\n", devices().dump());
    for (const auto& d : devices()) fmt::print("{}\n", line_of(d));
  });
}

}  // namespace gradus
