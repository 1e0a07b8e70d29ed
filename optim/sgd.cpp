#include "gradus/optim/sgd.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

struct Descent {
  double lr, weight_decay;
  template <class T> void operator()(T& p, T g, T*) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    p = p - lr * g;
  }
};

struct DescentWithMomentum {
  double lr, weight_decay, momentum, inflow;  // inflow: the share of the gradient that enters the buffer
  bool nesterov;
  template <class T> void operator()(T& p, T g, T* buffer) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    buffer[0] = momentum * buffer[0] + inflow * g;
    p = p - lr * (nesterov ? g + momentum * buffer[0] : buffer[0]);
  }
};

}  // namespace

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
    return fused_update<0>(slot.parameter, gradient, nullptr, Descent{rate, o.weight_decay});
  const double inflow = slot.steps == 1 ? 1 : 1 - o.dampening;  // the buffer starts as the first gradient itself
  fused_update<1>(slot.parameter, gradient, slot.buffers,
                  DescentWithMomentum{rate, o.weight_decay, o.momentum, inflow, o.nesterov});
}

}  // namespace gradus
