// The kernels of losses on a device, found by the formula they belong to.
#pragma once
#include "gradus/core/backend.h"

namespace gradus {

struct DeviceKernel {
  const DeviceLoss* loss = nullptr;
  int formula = 0;

  explicit operator bool() const { return loss; }
};

// The kernel of a formula; none where the device's module has none.  DeviceError where there is no such device, or its
// module knows other losses than this program.
DeviceKernel device_kernel(const char* op, const FormulaEntry& formula, Device device);
// Runs it; the device's error becomes a DeviceError.
void run(const DeviceKernel& kernel, Device device, DeviceCall& call);

}  // namespace gradus
