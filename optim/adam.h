// Adam and AdamW: steps scaled by running means of the gradient and of its square.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;  // divide by the largest second moment seen so far
};

/// D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015.  As torch.optim.Adam; weight decay adds to
/// the gradient.  With m and v the running means after t steps: p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) +
/// eps).
class Adam : public Optimizer {
 public:
  /// Throws ParamError on an option outside its range: betas in [0, 1), eps and weight_decay >= 0.
  explicit Adam(const NamedTensors& parameters, const AdamOptions& options = {});

 protected:
  Adam(const char* op, const NamedTensors& parameters, const AdamOptions& options, bool decoupled);

 private:
  void update(Slot&, const Tensor& gradient) override;
  AdamOptions options_;
  bool decoupled_;
};

/// I. Loshchilov, F. Hutter, Decoupled weight decay regularization, 2019.  As Adam, but weight decay shrinks the
/// parameter itself, p *= 1 - lr weight_decay, and the moments never see it.
class AdamW : public Adam {
 public:
  explicit AdamW(const NamedTensors& parameters, AdamOptions options = {.weight_decay = 0.01});
};

}  // namespace gradus
