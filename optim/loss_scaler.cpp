#include "gradus/optim/loss_scaler.h"

#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "gradus/autograd/node.h"
#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
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

// What recorded steps have found by now changes the factor.
void LossScaler::settle() const {
  if (there_.defined()) settle_checks(there_.device());
}

double LossScaler::factor() const {
  settle();
  return factor_;
}

// Each replay finds the factor on the device as it is by then.
void LossScaler::send_factors(RecordedStep& recording, Device device) const {
  for (Tensor* t : {&there_, &inverse_there_}) *t = recording.lasting({}, Dtype::float64, 0);
  const auto send = [this, device, factor = there_, inverse = inverse_there_] {
    const Backend& b = backend(op, device);
    const auto sends = [&](const Tensor& to, double value) {
      return b.send(device.index, to.state()->data, &value, sizeof value);
    };
    check_device(op, device, sends(factor, factor_) && sends(inverse, 1 / factor_));
  };
  recording.before_first(send);
  recording.before_each(send);
}

Tensor LossScaler::scale(const Tensor& loss) const {
  if (RecordedStep* recording = RecordedStep::active(); recording && !on_cpu(loss)) {
    send_factors(*recording, loss.device());
    return loss * to(there_, loss.dtype());
  }
  settle();
  return scaled(loss, factor_);
}

bool LossScaler::unscale_recorded(RecordedStep& recording) {
  if (!there_.defined()) RecordedStep::refuse(op, "unscales gradients of a loss that it has not scaled");
  Tensor finite;
  for (const auto& [name, p] : parameters_)
    if (const Tensor g = p.grad(); g.defined()) {
      const Tensor own = g * to(inverse_there_, g.dtype());
      Tensor(p).set_grad(own);
      finite = finite.defined() ? finite & all(isfinite(own)) : all(isfinite(own));
    }
  if (!finite.defined()) return true;
  const auto held = std::make_shared<bool>(true);
  recording.check_each([this, finite, held, alive = lifetime_.watch()] {
    *held = finite.item() != 0;
    if (!alive.expired()) adapt(*held);
  });
  for (const auto& [name, p] : parameters_) recording.update_only_if(p, {finite, held});
  return true;
}

bool LossScaler::unscale() {
  const NoGrad quiet;
  RecordedStep* const recording = RecordedStep::active();
  if (recording && !parameters_.empty() && !on_cpu(parameters_[0].second)) return unscale_recorded(*recording);
  bool finite = true;
  for (const auto& [name, p] : parameters_)
    if (const Tensor g = p.grad(); g.defined()) {
      const Tensor own = scaled(g, 1 / factor_);
      Tensor(p).set_grad(own);
      finite = finite && is_finite(own);
    }
  adapt(finite);
  return finite;
}

void LossScaler::adapt(bool finite) {
  if (!finite) {
    factor_ *= options_.backoff;
    good_steps_ = 0;
  } else if (++good_steps_ == options_.growth_interval) {
    if (std::isfinite(factor_ * options_.growth)) factor_ *= options_.growth;
    good_steps_ = 0;
  }
}

NamedTensors LossScaler::state() const {
  settle();
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
  settle();
  factor_ = factor, good_steps_ = steps;
}

}  // namespace gradus
