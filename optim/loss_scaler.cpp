#include "gradus/optim/loss_scaler.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/option_checks.h"
#include "gradus/optim/state_reader.h"

namespace gradus {
namespace {

constexpr const char *op = "LossScaler", *factor_name = "factor", *steps_name = "good_steps";

bool is_finite(const Tensor& g) { return all(isfinite(g)).item() != 0; }

}  // namespace

LossScaler::LossScaler(const NamedTensors& parameters, const LossScalerOptions& options)
    : parameters_(parameters), options_(options), factor_(options.factor) {
  check_positive(op, "factor", options.factor);
  if (!(options.growth > 1) || std::isinf(options.growth))
    throw ParamError(fmt::format("{}: got growth = {}, wanted more than 1; {}", op, options.growth, keep_default));
  if (!(options.backoff > 0 && options.backoff < 1))
    throw ParamError(
        fmt::format("{}: got backoff = {}, wanted above 0 and below 1; {}", op, options.backoff, keep_default));
  check_at_least_one(op, "growth_interval", options.growth_interval, keep_default);
}

Tensor LossScaler::scale(const Tensor& loss) const {
  if (!on_cpu(loss)) RecordedStep::refuse(op, "chooses its factor by gradients that it reads");
  return scaled(loss, factor_);
}

bool LossScaler::unscale() {
  const NoGrad quiet;
  bool finite = true;
  for (const auto& [name, p] : parameters_)
    if (const Tensor g = p.grad(); g.defined()) {
      const Tensor own = scaled(g, 1 / factor_);
      Tensor(p).set_grad(own);
      finite = finite && is_finite(own);
    }
  if (!finite) {
    factor_ *= options_.backoff;
    good_steps_ = 0;
  } else if (++good_steps_ == options_.growth_interval) {
    if (std::isfinite(factor_ * options_.growth)) factor_ *= options_.growth;
    good_steps_ = 0;
  }
  return finite;
}

NamedTensors LossScaler::state() const {
  return {{factor_name, from_data(&factor_, {})}, {steps_name, from_data(&good_steps_, {})}};
}

void LossScaler::load_state(const NamedTensors& state) {
  StateReader reader(op, "scaler", state);
  const double factor = reader.take(factor_name, {}, Dtype::float64).item();
  const int64_t steps = reader.take(steps_name, {}, Dtype::int64).item_integer();
  reader.finish();
  if (!(factor > 0) || std::isinf(factor))
    throw ParamError(
        fmt::format("{}: load_state got a factor of {}, wanted above 0 and finite; restore another state", op, factor));
  factor_ = factor, good_steps_ = steps;
}

}  // namespace gradus
