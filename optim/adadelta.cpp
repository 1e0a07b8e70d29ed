#include "gradus/optim/adadelta.h"

#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

struct AdadeltaRule {
  double lr, rho, eps, weight_decay;
  template <class T> void operator()(T& p, T g, T* s) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    s[0] = rho * s[0] + (1 - rho) * g * g;
    const T delta = sqrt(s[1] + eps) / sqrt(s[0] + eps) * g;
    s[1] = rho * s[1] + (1 - rho) * delta * delta;
    p = p - lr * delta;
  }
};

}  // namespace

void AdadeltaOptions::check(const char* op) const {
  check_decay(op, "rho", rho);
  check_not_negative(op, "eps", eps);
  check_not_negative(op, "weight_decay", weight_decay);
}

void Adadelta::update(Slot& slot, const Tensor& gradient) {
  const AdadeltaOptions& o = options(slot);
  fused_update<2>(slot.parameter, gradient, slot.buffers, AdadeltaRule{lr(slot.group), o.rho, o.eps, o.weight_decay});
}

}  // namespace gradus
