#include "gradus/ops/math.h"

#include "gradus/ops/differentiable.h"

namespace gradus {
Tensor abs(const Tensor& x) { return unary<operations::Abs>(x); }
Tensor sign(const Tensor& x) { return unary<operations::Sign>(x); }
Tensor exp(const Tensor& x) { return unary<operations::Exp>(x); }
Tensor expm1(const Tensor& x) { return unary<operations::Expm1>(x); }
Tensor log(const Tensor& x) { return unary<operations::Log>(x); }
Tensor log1p(const Tensor& x) { return unary<operations::Log1p>(x); }
Tensor sqrt(const Tensor& x) { return unary<operations::Sqrt>(x); }
Tensor rsqrt(const Tensor& x) { return unary<operations::Rsqrt>(x); }
Tensor square(const Tensor& x) { return unary<operations::Square>(x); }
Tensor reciprocal(const Tensor& x) { return unary<operations::Reciprocal>(x); }
Tensor sin(const Tensor& x) { return unary<operations::Sin>(x); }
Tensor cos(const Tensor& x) { return unary<operations::Cos>(x); }
Tensor erf(const Tensor& x) { return unary<operations::Erf>(x); }
Tensor atan2(const Tensor& y, const Tensor& x) { return binary<operations::Atan2>(y, x); }
Tensor pow(const Tensor& x, const Tensor& y) { return binary<operations::Pow>(x, y); }
Tensor pow(const Tensor& x, double y) {  // common exponents need no logarithm
  if (computes(x.dtype())) {             // of other tensors pow itself says that it does not take them
    if (y == 0.5) return sqrt(x);
    if (y == -0.5) return rsqrt(x);
    if (y == -1) return reciprocal(x);
  }
  if (y == 2 && x.dtype() != Dtype::boolean) return square(x);
  if (y == 3) return unary<operations::Cube>(x);
  if (y == 0) return unary<operations::PowZero>(x);
  return unary<operations::PowNumber>(x, y);
}

Tensor round(const Tensor& x) { return unary<operations::Round>(x); }
Tensor floor(const Tensor& x) { return unary<operations::Floor>(x); }
Tensor ceil(const Tensor& x) { return unary<operations::Ceil>(x); }

}  // namespace gradus
