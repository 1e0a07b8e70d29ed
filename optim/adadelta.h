// Adadelta: steps in the units of the parameter, from running means of squared gradients and squared steps.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;  // how much of the running means stays
  double eps = 1e-6;
  double weight_decay = 0;

  void check(const char* op) const;
  std::vector<const char*> buffers() const { return {"square_avg", "acc_delta"}; }
};

/// M. D. Zeiler, ADADELTA: an adaptive learning rate method, 2012.  As torch.optim.Adadelta: g += weight_decay p;
/// v = rho v + (1 - rho) g²;  d = g sqrt(u + eps) / sqrt(v + eps);  u = rho u + (1 - rho) d²;  p -= lr d.
class Adadelta : public GroupedOptimizer<AdadeltaOptions> {
 public:
  /// Throws ParamError on an option outside its range: rho in [0, 1), eps and weight_decay >= 0.
  explicit Adadelta(const NamedTensors& parameters, const AdadeltaOptions& options = {})
      : GroupedOptimizer("Adadelta", parameters, options) {}

 private:
  void update(Slot&, const Tensor& gradient) override;
};

}  // namespace gradus
