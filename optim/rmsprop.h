// RMSprop: steps scaled by a running mean of the squared gradient.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  // how much of the running mean of g² stays
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;  // take the square of the running mean of g off, which leaves the variance

  void check(const char* op) const;
  std::vector<const char*> buffers() const;
};

/// T. Tieleman, G. Hinton, Lecture 6.5: divide the gradient by a running average of its recent magnitude, 2012.  As
/// torch.optim.RMSprop: g += weight_decay p;  v = alpha v + (1 - alpha) g²;  p -= lr g / (sqrt(v) + eps), or with
/// momentum b = momentum b + g / (sqrt(v) + eps), p -= lr b.
class RMSprop : public GroupedOptimizer<RMSpropOptions> {
 public:
  /// Throws ParamError on an option outside its range: alpha in [0, 1), eps, weight_decay and momentum >= 0.
  explicit RMSprop(const NamedTensors& parameters, const RMSpropOptions& options = {})
      : GroupedOptimizer("RMSprop", parameters, options) {}

 private:
  void update(Slot&, const Tensor& gradient) override;
};

}  // namespace gradus
