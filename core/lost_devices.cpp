#include "gradus/core/lost_devices.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {

void LostDevices::lose(const char* op, Device device, const std::string& met) {
  const std::lock_guard lock(mutex_);
  if (holds(device)) return;
  cause_[device.index] = fmt::format("{} met: {}", op, met);
  lost_[device.index].store(true, std::memory_order_release);
}

void LostDevices::refuse(const char* op, Device device) const {
  throw DeviceError(
      fmt::format("{}: {} is lost since {}; restart the process", op, text(device), cause_[device.index]));
}

}  // namespace gradus
