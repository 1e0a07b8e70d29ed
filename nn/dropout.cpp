#include "gradus/nn/dropout.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/dropout.h"

namespace gradus {

Dropout::Dropout(double p, Generator& generator) : p(p), generator_(&generator) {
  if (!(p >= 0 && p <= 1))
    throw ParamError(fmt::format("Dropout: got p = {}, wanted a probability; choose p in [0, 1]", p));
}

Tensor Dropout::forward(const Tensor& x) { return dropout(x, p, training(), *generator_); }

}  // namespace gradus
