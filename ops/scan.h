// Running sums and products along a dimension.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// y[i] = x[0] + … + x[i], or the product, along `dim`; IndexError when it does not exist.  On float32, float64 and
// int64. Partial results are kept in float64.  Gradients never divide by x, so zeros are no special case.
Tensor cumsum(const Tensor& x, int64_t dim);
Tensor cumprod(const Tensor& x, int64_t dim);

// y[i] = the product of all x along `dim` but x[i].  On float32 and float64.
Tensor product_of_others(const Tensor& x, int64_t dim);

}  // namespace gradus
