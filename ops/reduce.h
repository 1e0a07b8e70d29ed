// Reductions over dimensions.
#pragma once
#include <initializer_list>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// Σ over all elements (a tensor of shape ()), or over `dims`, which may count from the end; keepdim leaves them with
// extent 1.  Sums run in float64 over a tree fixed by the shape, so they do not depend on the number of threads.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);
Tensor mean(const Tensor& x);  // of nothing: NaN
Tensor mean(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);

// x summed over the dimensions that broadcasting `shape` to x's shape had repeated: the backward of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace gradus
