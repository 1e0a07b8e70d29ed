#include "gradus/optim/sgd.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/optim/fused_update.h"

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

std::vector<const char*> buffers_for(const SGDOptions& o) {
  if (o.momentum == 0) return {};
  return {"momentum_buffer"};
}

}  // namespace

SGD::SGD(const NamedTensors& parameters, const SGDOptions& options)
    : Optimizer("SGD", parameters, options.lr, buffers_for(options)), options_(options) {
  if (!(options.momentum >= 0))
    throw ParamError(fmt::format("SGD: got momentum = {}, wanted at least 0; try 0.9", options.momentum));
  if (!(options.weight_decay >= 0))
    throw ParamError(fmt::format("SGD: got weight_decay = {}, wanted at least 0; try 0.0001", options.weight_decay));
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0))
    throw ParamError(
        fmt::format("SGD: got nesterov with momentum = {} and dampening = {}, wanted momentum > 0 and dampening = 0; "
                    "change those or leave nesterov out",
                    options.momentum, options.dampening));
}

void SGD::update(Slot& slot, const Tensor& gradient) {
  const SGDOptions& o = options_;
  if (o.momentum == 0) return fused_update<0>(slot.parameter, gradient, nullptr, Descent{lr(), o.weight_decay});
  const double inflow = slot.steps == 1 ? 1 : 1 - o.dampening;  // the buffer starts as the first gradient itself
  fused_update<1>(slot.parameter, gradient, slot.buffers,
                  DescentWithMomentum{lr(), o.weight_decay, o.momentum, inflow, o.nesterov});
}

}  // namespace gradus
