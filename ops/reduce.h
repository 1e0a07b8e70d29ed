// Reductions: sums, means, spreads and norms over dimensions.
#pragma once
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// Each over all elements (giving a tensor of shape ()), or over `dims`, which may count from the end; keepdim leaves
// them with extent 1.  Arithmetic runs in float64 over a tree fixed by the shape, so that results do not depend on the
// number of threads.  IndexError for a dimension that does not exist or is named twice, DtypeError unless float32 or
// float64; sum and prod also take integers and bool, and give int64.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);
Tensor mean(const Tensor& x);  // of nothing: NaN
Tensor mean(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);
// The gradient never divides by x, so zeros are no special case.
Tensor prod(const Tensor& x);
Tensor prod(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);

// Σ (x - mean)² / (n - correction), and its root.  The slope of std is 0 where it is 0.
Tensor var(const Tensor& x);
Tensor var(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false, double correction = 1);
Tensor std(const Tensor& x);
Tensor std(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false, double correction = 1);

// log Σ exp(x), which does not overflow before its result does.
Tensor logsumexp(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);

// (Σ |x|^p)^(1/p) for p > 0, the largest |x| for p = infinity, the number of elements that are not 0 for p = 0;
// ParamError for p < 0.  It neither overflows nor underflows before its result does.  The slope at the zero vector is
// 0; for p = infinity, elements that share the largest |x| share the gradient evenly.
Tensor norm(const Tensor& x, double p = 2);
Tensor norm(const Tensor& x, double p, const std::vector<int64_t>& dims, bool keepdim = false);

// x summed over the dimensions that broadcasting `shape` to x's shape had repeated: the backward of broadcasting.
Tensor sum_of_repeats(const Tensor& x, const Shape& shape);
inline Tensor sum_to(Tensor x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return sum_of_repeats(x, shape);
}

}  // namespace gradus
