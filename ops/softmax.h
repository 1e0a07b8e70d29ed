// Softmax and its logarithm along a dimension.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// exp(x) / Σ exp(x) along `dim`, and its logarithm.  Neither overflows at any finite x; a row of only -infinity, or
// with an infinity or NaN in it, gives NaN.  IndexError when dim does not exist, DtypeError unless float32 or float64.
Tensor softmax(const Tensor& x, int64_t dim);
Tensor log_softmax(const Tensor& x, int64_t dim);

}  // namespace gradus
