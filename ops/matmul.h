// Matrix products.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// (…,N,K) × (…,K,M) -> (…,N,M); the dimensions in front broadcast.  A vector on the left is a row, on the right a
// column, and its dimension leaves the result.  Transposed views are multiplied as they lie.  ShapeError unless the
// inner extents agree.  Bits do not depend on the number of threads.
Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace gradus
