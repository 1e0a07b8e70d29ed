// The kernels of losses on a device, found by the formula they belong to.
#pragma once
#include "gradus/core/backend.h"
#include "gradus/core/tensor.h"

namespace gradus {

struct DeviceKernel {
  const DeviceLoss* loss = nullptr;
  int formula = 0;

  explicit operator bool() const { return loss; }
};

// The kernel of a formula; none where the device's module has none.  DeviceError where there is no such device, or its
// module knows other losses than this program.
DeviceKernel device_kernel(const char* op, const FormulaEntry& formula, Device device);

// A run on a device that nobody has waited for.
class DeviceRun {
 public:
  // Starts it; the device's error becomes a DeviceError.
  DeviceRun(const DeviceKernel& kernel, Device device, const DeviceCall& call);
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;
  const LossReport* report() const { return call_.report; }
  // These two wait for it, once; of a recorded step, for its last run.
  const Totals& totals();
  const Problem& problem();

 private:
  void settle();
  DeviceKernel kernel_;
  Device device_;
  DeviceCall call_;
  Tensor report_;
  Totals totals_;
  Problem problem_;
  bool settled_ = false;
  bool recorded_;  // it runs again and again, and its report keeps the first problem of all runs since it was read
};

}  // namespace gradus
