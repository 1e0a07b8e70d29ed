#include "gradus/optim/adam.h"

#include <cmath>

#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

template <bool amsgrad> struct AdamRule {
  double rate, over_root;  // lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t): the bias corrections, in double once a step
  double beta1, beta2, eps;
  double coupled_decay, shrinkage;  // added to the gradient; multiplied into the parameter
  template <class T> void operator()(T& p, T g, T* s) const {
    if (coupled_decay != 0) g = g + coupled_decay * p;
    if (shrinkage != 1) p = p * shrinkage;
    s[0] = beta1 * s[0] + (1 - beta1) * g;
    s[1] = beta2 * s[1] + (1 - beta2) * g * g;
    T second = s[1];
    if constexpr (amsgrad) second = s[2] = max(s[2], second);
    p = p - rate * (s[0] / (sqrt(second) * over_root + eps));
  }
};

}  // namespace

template <bool decoupled> void AdamOptionsOf<decoupled>::check(const char* op) const {
  check_decay(op, "beta1", beta1);
  check_decay(op, "beta2", beta2);
  check_not_negative(op, "eps", eps);
  check_not_negative(op, "weight_decay", weight_decay);
}

template <bool decoupled> std::vector<const char*> AdamOptionsOf<decoupled>::buffers() const {
  if (amsgrad) return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  return {"exp_avg", "exp_avg_sq"};
}

template <bool decoupled> void AdamOf<decoupled>::update(Optimizer::Slot& slot, const Tensor& gradient) {
  const Options& o = this->options(slot);
  const double t = double(slot.steps), lr = this->lr(slot.group);
  const auto apply = [&]<bool amsgrad>(std::bool_constant<amsgrad>) {
    const AdamRule<amsgrad> rule = {.rate = lr / (1 - std::pow(o.beta1, t)),
                                    .over_root = 1 / std::sqrt(1 - std::pow(o.beta2, t)),
                                    .beta1 = o.beta1,
                                    .beta2 = o.beta2,
                                    .eps = o.eps,
                                    .coupled_decay = decoupled ? 0 : o.weight_decay,
                                    .shrinkage = decoupled ? 1 - lr * o.weight_decay : 1};
    fused_update<amsgrad ? 3 : 2>(slot.parameter, gradient, slot.buffers, rule);
  };
  o.amsgrad ? apply(std::true_type{}) : apply(std::false_type{});
}

template struct AdamOptionsOf<false>;
template struct AdamOptionsOf<true>;
template class AdamOf<false>;
template class AdamOf<true>;

}  // namespace gradus
