// Elementary functions of tensors, element by element.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

Tensor abs(const Tensor& x);   // slope 0 at 0
Tensor sign(const Tensor& x);  // -1, 0 or 1, and 0 for NaN; its gradient is 0
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  // 1 / sqrt(x)
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor atan2(const Tensor& y, const Tensor& x);  // the angle of the point (x, y)

// x to the power y, over the broadcast shape.  Where y is 0 the slope along x is 0, and where x is 0 and y >= 0 the
// slope along y is 0.
Tensor pow(const Tensor& x, const Tensor& y);
Tensor pow(const Tensor& x, double y);

// To whole numbers; their gradient is 0.
Tensor round(const Tensor& x);  // halves to even
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);

}  // namespace gradus
