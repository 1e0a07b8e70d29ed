#include "gradus/optim/lion.h"

#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
void LionOptions::check(const char* op) const {
  check_decay(op, "beta1", beta1);
  check_decay(op, "beta2", beta2);
  check_not_negative(op, "weight_decay", weight_decay);
}

void Lion::update(Slot& slot, const Tensor& gradient) {
  const LionOptions& o = options(slot);
  fused_update(slot.parameter, gradient, slot.buffers,
               update_rules::Lion{lr(slot.group), o.beta1, o.beta2, o.weight_decay});
}

}  // namespace gradus
