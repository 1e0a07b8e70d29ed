// gradus devices: what gradus can compute on here.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "gradus/cli/commands.h"
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
  return nlohmann::ordered_json::array({{{"name", "cpu"},
                                         {"available", true},
                                         {"threads", threads()},
                                         {"instructions", instruction_set()},
                                         {"float32_lanes", register_bytes / 4}}});
}

}  // namespace

void add_devices(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("devices", "What gradus can compute on here");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print a JSON array of objects");
  command->footer("Example:\n  GRADUS_NUM_THREADS=1 gradus devices");
  command->callback([json] {
    if (*json) return fmt::print("{}\n", devices().dump());
    for (const auto& d : devices())
      fmt::print("{}   {} threads, {}, {} float32 lanes a register\n", d["name"].get<std::string>(),
                 d["threads"].get<int>(), d["instructions"].get<std::string>(), d["float32_lanes"].get<int>());
  });
}

}  // namespace gradus
