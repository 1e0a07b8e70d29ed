#include "gradus/optim/rmsprop.h"

#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"

namespace gradus {
namespace {

// The buffers stand in the order square_avg, grad_avg (centered), momentum_buffer.
template <bool centered, bool with_momentum> struct RMSpropRule {
  double lr, alpha, eps, weight_decay, momentum;
  template <class T> void operator()(T& p, T g, T* s) const {
    if (weight_decay != 0) g = g + weight_decay * p;
    s[0] = alpha * s[0] + (1 - alpha) * g * g;
    T second = s[0];
    if constexpr (centered) {
      s[1] = s[1] + (1 - alpha) * (g - s[1]);
      second = s[0] - s[1] * s[1];
    }
    T step = g / (sqrt(second) + eps);
    if constexpr (with_momentum) step = s[centered ? 2 : 1] = momentum * s[centered ? 2 : 1] + step;
    p = p - lr * step;
  }
};

}  // namespace

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
    fused_update<1 + centered + with_momentum>(
        slot.parameter, gradient, slot.buffers,
        RMSpropRule<centered, with_momentum>{lr(slot.group), o.alpha, o.eps, o.weight_decay, o.momentum});
  };
  if (slot.buffers[o.centered ? 2 : 1].defined())
    o.centered ? apply.operator()<true, true>() : apply.operator()<false, true>();
  else o.centered ? apply.operator()<true, false>() : apply.operator()<false, false>();
}

}  // namespace gradus
