#include "gradus/optim/sgd.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/core/update_rules.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
void SGDOptions::check(const char* op) const {
  check_not_negative(op, "momentum", momentum, "try 0.9");
  check_not_negative(op, "weight_decay", weight_decay, "try 0.0001");
  if (nesterov && (momentum == 0 || dampening != 0))
    throw ParamError(
        fmt::format("{}: got nesterov with momentum = {} and dampening = {}, wanted momentum > 0 and dampening = 0; "
                    "change those or leave nesterov out",
                    op, momentum, dampening));
}

std::vector<const char*> SGDOptions::buffers() const {
  if (momentum == 0) return {};
  return {"momentum_buffer"};
}

void SGD::update(Slot& slot, const Tensor& gradient) {
  const SGDOptions& o = options(slot);
  const double rate = lr(slot.group);
  if (!slot.buffers[0].defined())
    return fused_update(slot.parameter, gradient, nullptr, update_rules::Descent{rate, o.weight_decay});
  const double inflow = slot.steps == 1 ? 1 : 1 - o.dampening;  // the buffer starts as the first gradient itself
  fused_update(slot.parameter, gradient, slot.buffers,
               update_rules::DescentWithMomentum{rate, o.weight_decay, o.momentum, inflow, o.nesterov});
}

}  // namespace gradus
