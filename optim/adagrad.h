// Adagrad: steps that shrink with the sum of all squared gradients so far.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;  // where the sum starts
  double eps = 1e-10;

  void check(const char* op) const;
  std::vector<const char*> buffers() const { return {"sum"}; }
};

/// J. Duchi, E. Hazan, Y. Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011.
/// As torch.optim.Adagrad: g += weight_decay p;  s += g²;  in step t, p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) +
/// eps).
class Adagrad : public GroupedOptimizer<AdagradOptions> {
 public:
  /// Throws ParamError unless all options are at least 0.
  explicit Adagrad(const NamedTensors& parameters, const AdagradOptions& options = {})
      : GroupedOptimizer("Adagrad", parameters, options) {}

 private:
  void update(Slot&, const Tensor& gradient) override;
};

}  // namespace gradus
