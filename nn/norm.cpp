#include "gradus/nn/norm.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"

namespace gradus {

BatchNorm2d::BatchNorm2d(int64_t channels, double momentum, double eps) : momentum(momentum), eps(eps) {
  if (channels < 1)
    throw ParamError(
        fmt::format("BatchNorm2d: got {} channels, wanted at least one; check the layer before", channels));
  weight = ones({channels}).requires_grad(true);
  bias = zeros({channels}).requires_grad(true);
  running_mean = zeros({channels});
  running_var = ones({channels});
  num_batches_tracked = zeros({}, Dtype::int64);
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  if (x.rank() != 4)
    throw ShapeError(
        fmt::format("BatchNorm2d: input has shape {}, wanted (N,{},H,W); reshape it", text(x.shape()), weight.numel()));
  Tensor y = batch_norm(x, weight, bias, running_mean, running_var,
                        {.training = training(), .momentum = momentum, .eps = eps});
  if (training()) num_batches_tracked.set({}, double(num_batches_tracked.item_integer() + 1));
  return y;
}

LayerNorm::LayerNorm(const Shape& normalized, double eps) : normalized(normalized), eps(eps) {
  bool positive = !normalized.empty();
  for (int64_t extent : normalized) positive &= extent > 0;
  if (!positive)
    throw ParamError(fmt::format(
        "LayerNorm: got extents {}, wanted at least one and all positive; pass the last dimensions of the input",
        text(normalized)));
  weight = ones(normalized).requires_grad(true);
  bias = zeros(normalized).requires_grad(true);
}

}  // namespace gradus
