// Devices that an error ended for good: nothing that is asked of one afterwards is right, so nothing is asked.
#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "gradus/core/device.h"

namespace gradus {

class LostDevices {
 public:
  // The device ends with what `op` met there; of two threads that meet it the first is quoted.
  void lose(const char* op, Device device, const std::string& met);
  bool holds(Device device) const { return lost_[device.index].load(std::memory_order_acquire); }
  // Throws DeviceError, naming `op` and quoting the first cause, where the device is lost.
  void check(const char* op, Device device) const {
    if (holds(device)) [[unlikely]]
      refuse(op, device);
  }

 private:
  [[noreturn]] void refuse(const char* op, Device device) const;
  static constexpr int most = 256;  // as many as Device::index tells apart
  std::mutex mutex_;
  std::atomic<bool> lost_[most] = {};
  std::string cause_[most];  // written once, before lost_
};

}  // namespace gradus
