// Dropout as a layer.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

/// In training each element is zero with probability p, else x / (1 - p); in evaluation x itself.
struct Dropout : Module {
  double p;

  /// Throws ParamError unless 0 <= p <= 1. The generator must outlive the layer.
  explicit Dropout(double p = 0.5, Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override;

 private:
  Generator* generator_;
};

}  // namespace gradus
