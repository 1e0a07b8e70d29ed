// LeNet-5, the convolutional network that read handwritten digits.
#pragma once
#include "gradus/core/random.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/linear.h"

namespace gradus {

/// Y. LeCun et al., Gradient-based learning applied to document recognition, 1998, in today's form: two 5×5
/// convolutions to 6 and 16 channels, each with ReLU and 2×2 max pooling, then 120 and 84 hidden units. Images below
/// 32×32, such as MNIST's 28×28, are padded by 2 on each side first. Parameters: conv1, conv2, fc1, fc2, fc3.
struct LeNet5 : Module {
  Conv2d conv1, conv2;
  Linear fc1, fc2, fc3;

  /// For images (N, channels, height, width). Throws ParamError below 12×12: nothing would be left to classify.
  LeNet5(int64_t channels, int64_t height, int64_t width, int64_t outputs, Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override;
};

}  // namespace gradus
