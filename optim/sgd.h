// Stochastic gradient descent, with momentum.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  void check(const char* op) const;
  std::vector<const char*> buffers() const;
};

/// As torch.optim.SGD: g += weight_decay p;  b = momentum b + (1 - dampening) g, the first time b = g;
/// p -= lr b, or lr (g + momentum b) with nesterov.
class SGD : public GroupedOptimizer<SGDOptions> {
 public:
  /// Throws ParamError on an option outside its range: momentum and weight_decay >= 0; nesterov wants momentum > 0 and
  /// no dampening.
  explicit SGD(const NamedTensors& parameters, const SGDOptions& options = {})
      : GroupedOptimizer("SGD", parameters, options) {}

 private:
  void update(Slot&, const Tensor& gradient) override;
};

}  // namespace gradus
