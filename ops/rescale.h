// Features brought to a common scale: mean 0 and deviation 1, or from 0 to 1.
#pragma once
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// Over `dims` (0: every column by itself).  float32 or float64; the result has the shape of x, and gradients flow.
// Where all values are the same the result is 0, not NaN, and so is its gradient.
Tensor standardize(const Tensor& x, const std::vector<int64_t>& dims = {0});  // the deviation is the biased one
Tensor minmax(const Tensor& x, const std::vector<int64_t>& dims = {0});

}  // namespace gradus
