#include "gradus/optim/adagrad.h"

#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

struct AdagradRule {
  double rate, weight_decay, eps;
  double initial;  // joins the sum in the first step
  template <class T> void operator()(T& p, T g, T* sum) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    sum[0] = sum[0] + initial + g * g;
    p = p - rate * (g / (sqrt(sum[0]) + eps));
  }
};

}  // namespace

void AdagradOptions::check(const char* op) const {
  check_not_negative(op, "lr_decay", lr_decay);
  check_not_negative(op, "weight_decay", weight_decay);
  check_not_negative(op, "initial_accumulator_value", initial_accumulator_value);
  check_not_negative(op, "eps", eps);
}

void Adagrad::update(Slot& slot, const Tensor& gradient) {
  const AdagradOptions& o = options(slot);
  const double rate = lr(slot.group) / (1 + double(slot.steps - 1) * o.lr_decay);
  fused_update<1>(slot.parameter, gradient, slot.buffers,
                  AdagradRule{rate, o.weight_decay, o.eps, slot.steps == 1 ? o.initial_accumulator_value : 0});
}

}  // namespace gradus
