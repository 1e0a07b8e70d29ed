// Products in 16 bits: what mixed precision rounds, and where.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

/// x, every element rounded to the nearest that `precision` can hold, in x's own dtype; its gradient is rounded in the
/// same way. float32 rounds nothing. Throws DtypeError unless x is float32 and the precision float32, bfloat16 or
/// float16.
Tensor rounded(const Tensor& x, Dtype precision);

/// linear(x, weight, bias) of rounded operands, rounded; sums are float32. bias may be undefined.
Tensor linear_in(Dtype precision, const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace gradus
