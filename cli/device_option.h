// Where to compute: the option that several commands share.
#pragma once
#include <string>

#include "gradus/core/device.h"

namespace CLI {
class App;
}

namespace gradus {

/// Adds --device.
void add_device_option(CLI::App& command, std::string& device);
/// cpu, cuda or cuda:N. Throws ParamError where it is none of these, DeviceError where there is no such device.
Device chosen_device(const std::string& device);

}  // namespace gradus
