// Adam and AdamW: steps scaled by running means of the gradient and of its square.
#pragma once
#include "gradus/optim/optimizer.h"

namespace gradus {

template <bool decoupled> struct AdamOptionsOf {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = decoupled ? 0.01 : 0;
  bool amsgrad = false;  // divide by the largest second moment seen so far

  void check(const char* op) const;
  std::vector<const char*> buffers() const;
};
using AdamOptions = AdamOptionsOf<false>;
using AdamWOptions = AdamOptionsOf<true>;

template <bool decoupled> class AdamOf : public GroupedOptimizer<AdamOptionsOf<decoupled>> {
 public:
  using Options = AdamOptionsOf<decoupled>;
  /// Throws ParamError on an option outside its range: betas in [0, 1), eps and weight_decay >= 0.
  explicit AdamOf(const NamedTensors& parameters, const Options& options = {})
      : GroupedOptimizer<Options>(decoupled ? "AdamW" : "Adam", parameters, options) {}

 private:
  void update(Optimizer::Slot&, const Tensor& gradient) override;
};

/// D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015.  As torch.optim.Adam; weight decay adds to
/// the gradient.  With m and v the running means after t steps: p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) +
/// eps).
using Adam = AdamOf<false>;

/// I. Loshchilov, F. Hutter, Decoupled weight decay regularization, 2019.  As Adam, but weight decay shrinks the
/// parameter itself, p *= 1 - lr weight_decay, and the moments never see it.
using AdamW = AdamOf<true>;

}  // namespace gradus
