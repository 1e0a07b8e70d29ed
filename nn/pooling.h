// Pooling as layers, for Sequential.
#pragma once
#include "gradus/nn/module.h"
#include "gradus/ops/pooling.h"

namespace gradus {

struct MaxPool2d : Module {
  Size2 kernel;
  Pool2dOptions options;

  explicit MaxPool2d(Size2 kernel, const Pool2dOptions& options = {}) : kernel(kernel), options(options) {}
  Tensor forward(const Tensor& x) override { return max_pool2d(x, kernel, options); }
};

struct AvgPool2d : Module {
  Size2 kernel;
  AvgPool2dOptions options;

  explicit AvgPool2d(Size2 kernel, const AvgPool2dOptions& options = {}) : kernel(kernel), options(options) {}
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, kernel, options); }
};

/// (N, C, H, W) -> (N, C, output), whatever H and W are.
struct AdaptiveAvgPool2d : Module {
  Size2 output;

  explicit AdaptiveAvgPool2d(Size2 output) : output(output) {}
  Tensor forward(const Tensor& x) override { return adaptive_avg_pool2d(x, output); }
};

}  // namespace gradus
