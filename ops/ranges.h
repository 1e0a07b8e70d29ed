// Tensors of evenly spaced numbers, and the identity.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// start, start + step, … up to but without stop.  ParamError unless step is not 0 and leads from start towards stop.
Tensor arange(double start, double stop, double step = 1, Dtype dtype = Dtype::float32);
Tensor arange(int64_t stop);  // 0 to stop - 1, int64
// `steps` numbers from start to stop, both included.  ParamError unless steps >= 0.
Tensor linspace(double start, double stop, int64_t steps, Dtype dtype = Dtype::float32);
// Ones on the diagonal of an n × m matrix (m = -1: n), zeros elsewhere.  ParamError for a negative extent.
Tensor eye(int64_t n, int64_t m = -1, Dtype dtype = Dtype::float32);

}  // namespace gradus
