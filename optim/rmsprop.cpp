#include "gradus/optim/rmsprop.h"

#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
void RMSpropOptions::check(const char* op) const {
  check_decay(op, "alpha", alpha);
  check_not_negative(op, "eps", eps);
  check_not_negative(op, "weight_decay", weight_decay);
  check_not_negative(op, "momentum", momentum, "try 0.9");
}

std::vector<const char*> RMSpropOptions::buffers() const {
  std::vector<const char*> names = {"square_avg"};
  if (centered) names.push_back("grad_avg");
  if (momentum > 0) names.push_back("momentum_buffer");
  return names;
}

void RMSprop::update(Slot& slot, const Tensor& gradient) {
  const RMSpropOptions& o = options(slot);
  const auto apply = [&]<bool centered, bool with_momentum>() {
    fused_update(
        slot.parameter, gradient, slot.buffers,
        update_rules::RMSprop<centered, with_momentum>{lr(slot.group), o.alpha, o.eps, o.weight_decay, o.momentum});
  };
  if (slot.buffers[o.centered ? 2 : 1].defined())
    o.centered ? apply.operator()<true, true>() : apply.operator()<false, true>();
  else o.centered ? apply.operator()<true, false>() : apply.operator()<false, false>();
}

}  // namespace gradus
