// Normalisation layers.
#pragma once
#include "gradus/nn/module.h"
#include "gradus/ops/normalize.h"

namespace gradus {

/// Images (N, channels, H, W), each channel normalised: in training by the batch's statistics, which the running ones
/// follow; in evaluation by the running ones. weight starts at 1, bias and running_mean at 0, running_var at 1.
/// num_batches_tracked, int64 of shape (), counts the batches of training, as PyTorch's states do.
struct BatchNorm2d : Module {
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;
  double momentum, eps;

  /// Throws ParamError unless channels is positive.
  explicit BatchNorm2d(int64_t channels, double momentum = 0.1, double eps = 1e-5);
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override {
    p.parameter("weight", weight)
        .parameter("bias", bias)
        .buffer("running_mean", running_mean)
        .buffer("running_var", running_var)
        .buffer("num_batches_tracked", num_batches_tracked);
  }
};

/// Each sample normalised over its last dimensions, whose extents are `normalized`. weight starts at 1, bias at 0.
struct LayerNorm : Module {
  Shape normalized;
  Tensor weight, bias;
  double eps;

  /// Throws ParamError unless there is an extent and all are positive.
  explicit LayerNorm(const Shape& normalized, double eps = 1e-5);
  Tensor forward(const Tensor& x) override { return layer_norm(x, normalized, weight, bias, eps); }
  void parts(Parts& p) override { p.parameter("weight", weight).parameter("bias", bias); }
};

}  // namespace gradus
