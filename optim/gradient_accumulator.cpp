#include "gradus/optim/gradient_accumulator.h"

#include <fmt/core.h>

#include <cmath>
#include <set>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"

namespace gradus {

GradientAccumulator::GradientAccumulator(const NamedTensors& parameters) {
  std::set<const TensorState*> seen;  // tied weights have one gradient, which must be divided once
  for (const auto& [name, p] : parameters)
    if (seen.insert(p.state().get()).second) parameters_.push_back(p);
}

void GradientAccumulator::add(const Tensor& sum, double count) {
  constexpr const char* op = "GradientAccumulator";
  if (!sum.defined() || sum.numel() != 1)
    throw ShapeError(fmt::format("{}: got a loss of shape {}, wanted one number; use Reduction::sum", op,
                                 sum.defined() ? text(sum.shape()) : "none"));
  if (!(count >= 0 && std::isfinite(count)))
    throw ParamError(fmt::format(
        "{}: got count = {}, wanted a finite number that is not negative; pass how many samples count", op, count));
  if (parts_ == 0)
    for (const Tensor& p : parameters_) p.zero_grad();
  backward(sum);
  ++parts_;
  sum_ += sum.item();
  count_ += count;
}

double GradientAccumulator::finish() {
  if (parts_ == 0) throw StateError("GradientAccumulator: finish() got no part, wanted at least one; call add() first");
  const NoGrad quiet;
  for (const Tensor& p : parameters_)
    if (const Tensor g = p.grad(); g.defined()) p.set_grad(count_ > 0 ? divided(g, count_) : zeros_like(g));
  const double mean = count_ > 0 ? sum_ / count_ : 0;
  parts_ = 0;
  sum_ = count_ = 0;
  return mean;
}

}  // namespace gradus
