// Lion: steps of one size in every element, along the sign of a mean of gradients.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;   // of the mean whose sign is taken
  double beta2 = 0.99;  // of the mean that is kept
  double weight_decay = 0;

  void check(const char* op) const;
  std::vector<const char*> buffers() const { return {"exp_avg"}; }
};

/// X. Chen et al., Symbolic discovery of optimization algorithms, 2023, algorithm 2:
/// p -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay p);  m = beta2 m + (1 - beta2) g.  A third to a tenth of
/// Adam's learning rate suits it.
class Lion : public GroupedOptimizer<LionOptions> {
 public:
  /// Throws ParamError on an option outside its range: betas in [0, 1), weight_decay >= 0.
  explicit Lion(const NamedTensors& parameters, const LionOptions& options = {})
      : GroupedOptimizer("Lion", parameters, options) {}

 private:
  void update(Slot&, const Tensor& gradient) override;
};

}  // namespace gradus
