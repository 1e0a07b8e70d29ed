// Conversion between dtypes, and the way from device to device.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// x itself when it has that dtype, else a dense copy.  Gradients flow between float32 and float64.  Floats lose their
// fraction on the way to integers, where those out of range and NaN give undefined values; to bool, all but 0 is true.
Tensor to(const Tensor& x, Dtype dtype);
// x itself when it is there, else a dense copy on that device, through which gradients flow.  DeviceError where there
// is no such device.
Tensor to(const Tensor& x, Device device);
// to(x, cpu) for an op that looks at its input there; StateError naming it where a step is being recorded.
Tensor on_the_cpu(const char* op, const Tensor& x);

}  // namespace gradus
