#include "gradus/optim/adam.h"

#include <cmath>

#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
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
    const update_rules::Adam<amsgrad> rule = {.rate = lr / (1 - std::pow(o.beta1, t)),
                                              .over_root = 1 / std::sqrt(1 - std::pow(o.beta2, t)),
                                              .beta1 = o.beta1,
                                              .beta2 = o.beta2,
                                              .eps = o.eps,
                                              .coupled_decay = decoupled ? 0 : o.weight_decay,
                                              .shrinkage = decoupled ? 1 - lr * o.weight_decay : 1};
    fused_update(slot.parameter, gradient, slot.buffers, rule);
  };
  o.amsgrad ? apply(std::true_type{}) : apply(std::false_type{});
}

template struct AdamOptionsOf<false>;
template struct AdamOptionsOf<true>;
template class AdamOf<false>;
template class AdamOf<true>;

}  // namespace gradus
