#include "gradus/optim/adadelta.h"

#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
void AdadeltaOptions::check(const char* op) const {
  check_decay(op, "rho", rho);
  check_not_negative(op, "eps", eps);
  check_not_negative(op, "weight_decay", weight_decay);
}

void Adadelta::update(Slot& slot, const Tensor& gradient) {
  const AdadeltaOptions& o = options(slot);
  fused_update(slot.parameter, gradient, slot.buffers,
               update_rules::Adadelta{lr(slot.group), o.rho, o.eps, o.weight_decay});
}

}  // namespace gradus
