#include "gradus/nn/linear.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/nn/precision.h"

namespace gradus {

Linear::Linear(int64_t inputs, int64_t outputs, bool with_bias, Generator& generator) {
  if (inputs < 1 || outputs < 1)
    throw ParamError(fmt::format("Linear: got {} inputs and {} outputs, wanted at least one of each; check the widths",
                                 inputs, outputs));
  weight = Tensor({outputs, inputs});
  init::kaiming_uniform(weight, std::sqrt(5.0), generator);
  weight.requires_grad(true);
  if (!with_bias) return;
  const double bound = 1 / std::sqrt(double(inputs));
  bias = Tensor(Shape{outputs});
  init::uniform(bias, -bound, bound, generator);
  bias.requires_grad(true);
}

Tensor Linear::forward(const Tensor& x) { return linear_in(computes_in(), x, weight, bias); }

}  // namespace gradus
