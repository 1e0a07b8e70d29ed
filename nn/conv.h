// The convolutional layer for images.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/module.h"
#include "gradus/ops/conv.h"

namespace gradus {

/// x (N, inputs, H, W) -> (N, outputs, H', W'), as conv2d. weight is (outputs, inputs / groups, kernel, kernel); weight
/// and bias start uniform within 1 / sqrt(fan in), as in PyTorch.
struct Conv2d : Module {
  Tensor weight, bias;  // bias may be undefined
  Conv2dOptions options;

  /// Throws ParamError unless channels, kernel and groups are positive and groups divides both channels.
  Conv2d(int64_t inputs, int64_t outputs, Size2 kernel, const Conv2dOptions& options = {}, bool with_bias = true,
         Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override { p.parameter("weight", weight).parameter("bias", bias); }
};

}  // namespace gradus
