#include "gradus/optim/lion.h"

#include "gradus/core/functions.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

struct LionRule {
  double lr, beta1, beta2, weight_decay;
  template <class T> void operator()(T& p, T g, T* mean) const {
    const T direction = sign(beta1 * mean[0] + (1 - beta1) * g);
    p = p - lr * (direction + weight_decay * p);
    mean[0] = beta2 * mean[0] + (1 - beta2) * g;
  }
};

}  // namespace

void LionOptions::check(const char* op) const {
  check_decay(op, "beta1", beta1);
  check_decay(op, "beta2", beta2);
  check_not_negative(op, "weight_decay", weight_decay);
}

void Lion::update(Slot& slot, const Tensor& gradient) {
  const LionOptions& o = options(slot);
  fused_update<1>(slot.parameter, gradient, slot.buffers, LionRule{lr(slot.group), o.beta1, o.beta2, o.weight_decay});
}

}  // namespace gradus
