// A Block on a device: how many threads solve it, with how much memory.
#pragma once
#include <memory>

#include "gradus/ops/application.h"

namespace gradus {

// Starts the kernel; gives the call its teams and their memory.
std::shared_ptr<DeviceRun> start_block(const Application&, BlockOnDevice call);

}  // namespace gradus
