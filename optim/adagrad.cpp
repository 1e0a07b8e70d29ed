#include "gradus/optim/adagrad.h"

#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
void AdagradOptions::check(const char* op) const {
  check_not_negative(op, "lr_decay", lr_decay);
  check_not_negative(op, "weight_decay", weight_decay);
  check_not_negative(op, "initial_accumulator_value", initial_accumulator_value);
  check_not_negative(op, "eps", eps);
}

void Adagrad::update(Slot& slot, const Tensor& gradient) {
  const AdagradOptions& o = options(slot);
  const double rate = lr(slot.group) / (1 + double(slot.steps - 1) * o.lr_decay);
  fused_update(slot.parameter, gradient, slot.buffers,
               update_rules::Adagrad{rate, o.weight_decay, o.eps, slot.steps == 1 ? o.initial_accumulator_value : 0});
}

}  // namespace gradus
