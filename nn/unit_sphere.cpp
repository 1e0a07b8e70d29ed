#include "gradus/nn/unit_sphere.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"

namespace gradus {

Tensor unit_length(const Tensor& x) {
  constexpr double smallest = 1e-24;  // below the square of any length that matters; keeps zeros and their slope finite
  if (x.rank() != 2)
    throw ShapeError(fmt::format("unit_length: input has shape {}, wanted (N,D); reshape it", text(x.shape())));
  return x / sqrt(sum(square(x), {1}, true) + smallest);
}

}  // namespace gradus
