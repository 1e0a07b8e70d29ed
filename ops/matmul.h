// Matrix products.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// (N,K) × (K,M) -> (N,M).  Transposed views are multiplied as they lie.  ShapeError unless both are matrices whose inner
// extents agree.  Bits do not depend on the number of threads.
Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace gradus
