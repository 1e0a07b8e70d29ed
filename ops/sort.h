// Sorting along a dimension.
#pragma once
#include <cstdint>

#include "gradus/core/tensor.h"

namespace gradus {

// The values in order, through which gradients flow, and where in x they stood (int64).
struct Sorted {
  Tensor values, indices;
};

// Equal values keep their order; NaN counts as larger than every number.
Sorted sort(const Tensor& x, int64_t dim = -1, bool descending = false);
// Where sort() finds its values.
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false);
// The k largest (or smallest) values in order; of equal ones the first.  ParamError unless 0 <= k <= dim's extent.
Sorted topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true);

}  // namespace gradus
