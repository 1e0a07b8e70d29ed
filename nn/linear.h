// The fully connected layer.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

/// x (..., inputs) -> x weightᵀ + bias (..., outputs).  weight is (outputs, inputs); both start uniform within
/// 1 / sqrt(inputs), as in PyTorch.
struct Linear : Module {
  Tensor weight, bias;  // bias may be undefined

  /// Throws ParamError unless both numbers are positive.
  Linear(int64_t inputs, int64_t outputs, bool with_bias = true, Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override { p.parameter("weight", weight).parameter("bias", bias); }
};

}  // namespace gradus
