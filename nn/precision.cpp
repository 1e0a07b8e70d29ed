#include "gradus/nn/precision.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/linear.h"

namespace gradus {

Tensor rounded(const Tensor& x, Dtype precision) {
  if (precision != Dtype::float32 && precision != Dtype::bfloat16 && precision != Dtype::float16)
    throw DtypeError(fmt::format(
        "rounded: got the precision {}, wanted float32, bfloat16 or float16; choose one of those", name_of(precision)));
  if (precision == Dtype::float32) return x;
  if (x.dtype() != Dtype::float32)
    throw DtypeError(
        fmt::format("rounded: got {}, wanted float32 to round to {}; convert it with to(), or the model with "
                    "model.to(Dtype::float32)",
                    name_of(x.dtype()), name_of(precision)));
  Tensor out = to(to(x.detach(), precision), Dtype::float32);
  if (recording(x))
    record("rounded", out, {&x}, [precision](const Tensor& g, Gradients& to) { to[0] = rounded(g, precision); });
  return out;
}

Tensor linear_in(Dtype precision, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto in = [precision](const Tensor& t) { return t.defined() ? rounded(t, precision) : t; };
  return in(linear(in(x), in(weight), in(bias)));
}

}  // namespace gradus
