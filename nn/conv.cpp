#include "gradus/nn/conv.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/nn/precision.h"

namespace gradus {

Conv2d::Conv2d(int64_t inputs, int64_t outputs, Size2 kernel, const Conv2dOptions& options, bool with_bias,
               Generator& generator)
    : options(options) {
  const int64_t groups = options.groups;
  if (inputs < 1 || outputs < 1 || kernel.height < 1 || kernel.width < 1 || groups < 1 || inputs % groups ||
      outputs % groups)
    throw ParamError(
        fmt::format("Conv2d: got {} inputs, {} outputs, a kernel of {} and {} groups, wanted positive numbers and "
                    "groups that divide both channels; check them",
                    inputs, outputs, text(kernel), groups));
  weight = Tensor({outputs, inputs / groups, kernel.height, kernel.width});
  init::kaiming_uniform(weight, std::sqrt(5.0), generator);
  weight.requires_grad(true);
  if (!with_bias) return;
  const double bound = 1 / std::sqrt(double(init::fans(weight).in));
  bias = Tensor(Shape{outputs});
  init::uniform(bias, -bound, bound, generator);
  bias.requires_grad(true);
}

Tensor Conv2d::forward(const Tensor& x) {
  const auto in = [this](const Tensor& t) { return t.defined() ? rounded(t, computes_in()) : t; };
  return in(conv2d(in(x), in(weight), in(bias), options));
}

}  // namespace gradus
