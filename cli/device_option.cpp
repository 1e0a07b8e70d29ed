#include "gradus/cli/device_option.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "gradus/core/backend.h"
#include "gradus/core/error.h"

namespace gradus {

void add_device_option(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "where to compute; `gradus devices` lists what there is")
      ->type_name("cpu|cuda|cuda:N")
      ->capture_default_str();
}

Device chosen_device(const std::string& device) {
  if (device == "cpu") return cpu;
  const std::string index = device == "cuda" ? "0" : device.starts_with("cuda:") ? device.substr(5) : "";
  if (index.empty() || index.size() > 2 || !std::all_of(index.begin(), index.end(), ::isdigit))
    throw ParamError(
        fmt::format("--device: there is no '{}', wanted cpu, cuda or cuda:N; gradus devices lists them", device));
  const Device chosen = cuda(uint8_t(std::stoi(index)));
  backend("--device", chosen);  // says why there is none
  return chosen;
}

}  // namespace gradus
