// ResNet-18: K. He et al., Deep residual learning for image recognition, 2015.
#pragma once
#include <optional>

#include "gradus/core/random.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/norm.h"
#include "gradus/nn/sequential.h"

namespace gradus {

/// x + two 3×3 convolutions of x, each with batch normalisation, ReLU between and behind. The first one may widen the
/// channels and shrink the image; then a 1×1 convolution, "downsample", brings x to the same shape.
struct BasicBlock : Module {
  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
  std::optional<Sequential> downsample;

  BasicBlock(int64_t inputs, int64_t outputs, int64_t stride, Generator& generator = default_generator());
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override;
};

/// Images (N, channels, H, W) -> logits (N, outputs). Architecture, initialisation and the names of the parts are
/// torchvision's, so its states load here and the other way round: conv1, bn1, layer1.0.conv1 … layer4.1.bn2, fc.
struct ResNet18 : Module {
  Conv2d conv1;
  BatchNorm2d bn1;
  Sequential layer1, layer2, layer3, layer4;
  std::optional<Linear> fc;

  /// With outputs = 0 there is no fc, and forward gives the features (N, 512).
  explicit ResNet18(int64_t outputs = 1000, int64_t channels = 3, Generator& generator = default_generator());
  /// The convolutional part: (N, 512, ceil(H / 32), ceil(W / 32)).
  Tensor trunk(const Tensor& x);
  Tensor forward(const Tensor& x) override;
  void parts(Parts& p) override;
};

}  // namespace gradus
