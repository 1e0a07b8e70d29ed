#include "gradus/optim/adam.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/optim/fused_update.h"

namespace gradus {
namespace {

template <bool amsgrad> struct AdamRule {
  double rate, root;  // lr / (1 - beta1^t) and sqrt(1 - beta2^t): the bias corrections, in double once a step
  double beta1, beta2, eps;
  double coupled_decay, shrinkage;  // added to the gradient; multiplied into the parameter
  template <class T> void operator()(T& p, T g, T* s) const {
    if (coupled_decay != 0) g = g + coupled_decay * p;
    if (shrinkage != 1) p = p * shrinkage;
    s[0] = beta1 * s[0] + (1 - beta1) * g;
    s[1] = beta2 * s[1] + (1 - beta2) * g * g;
    T second = s[1];
    if constexpr (amsgrad) second = s[2] = max(s[2], second);
    p = p - rate * (s[0] / (sqrt(second) / root + eps));
  }
};

std::vector<const char*> buffers_for(const AdamOptions& o) {
  if (o.amsgrad) return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  return {"exp_avg", "exp_avg_sq"};
}

void check_at_least_zero(const char* op, const char* name, double value) {
  if (!(value >= 0))
    throw ParamError(fmt::format("{}: got {} = {}, wanted at least 0; leave it at its default", op, name, value));
}
void check_beta(const char* op, const char* name, double value) {
  if (!(value >= 0 && value < 1))
    throw ParamError(
        fmt::format("{}: got {} = {}, wanted a number in [0, 1); leave it at its default", op, name, value));
}

}  // namespace

Adam::Adam(const NamedTensors& parameters, const AdamOptions& options) : Adam("Adam", parameters, options, false) {}

Adam::Adam(const char* op, const NamedTensors& parameters, const AdamOptions& options, bool decoupled)
    : Optimizer(op, parameters, options.lr, buffers_for(options)), options_(options), decoupled_(decoupled) {
  check_beta(op, "beta1", options.beta1);
  check_beta(op, "beta2", options.beta2);
  check_at_least_zero(op, "eps", options.eps);
  check_at_least_zero(op, "weight_decay", options.weight_decay);
}

AdamW::AdamW(const NamedTensors& parameters, AdamOptions options) : Adam("AdamW", parameters, options, true) {}

void Adam::update(Slot& slot, const Tensor& gradient) {
  const AdamOptions& o = options_;
  const double t = double(slot.steps);
  const auto apply = [&]<bool amsgrad>(std::bool_constant<amsgrad>) {
    const AdamRule<amsgrad> rule = {.rate = lr() / (1 - std::pow(o.beta1, t)),
                                    .root = std::sqrt(1 - std::pow(o.beta2, t)),
                                    .beta1 = o.beta1,
                                    .beta2 = o.beta2,
                                    .eps = o.eps,
                                    .coupled_decay = decoupled_ ? 0 : o.weight_decay,
                                    .shrinkage = decoupled_ ? 1 - lr() * o.weight_decay : 1};
    fused_update<amsgrad ? 3 : 2>(slot.parameter, gradient, slot.buffers, rule);
  };
  o.amsgrad ? apply(std::true_type{}) : apply(std::false_type{});
}

}  // namespace gradus
