#include "gradus/nn/resnet.h"

#include "gradus/nn/init.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t trunk_channels = 512;

// A convolution without bias, for a normalisation follows, spread by the fan out.
Conv2d convolution(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride, Generator& generator) {
  Conv2d conv(inputs, outputs, kernel, {.stride = stride, .padding = kernel / 2}, false, generator);
  init::kaiming_normal(conv.weight, 0, generator, init::Fan::out);
  return conv;
}

Sequential stage(int64_t inputs, int64_t outputs, int64_t stride, Generator& generator) {
  return Sequential(BasicBlock(inputs, outputs, stride, generator), BasicBlock(outputs, outputs, 1, generator));
}

}  // namespace

BasicBlock::BasicBlock(int64_t inputs, int64_t outputs, int64_t stride, Generator& generator)
    : conv1(convolution(inputs, outputs, 3, stride, generator)),
      bn1(outputs),
      conv2(convolution(outputs, outputs, 3, 1, generator)),
      bn2(outputs) {
  if (stride != 1 || inputs != outputs)
    downsample = Sequential(convolution(inputs, outputs, 1, stride, generator), BatchNorm2d(outputs));
}

Tensor BasicBlock::forward(const Tensor& x) {
  const Tensor residual = bn2(conv2(relu(bn1(conv1(x)))));
  return relu(residual + (downsample ? downsample->forward(x) : x));
}

void BasicBlock::parts(Parts& p) {
  p.module("conv1", conv1).module("bn1", bn1).module("conv2", conv2).module("bn2", bn2);
  if (downsample) p.module("downsample", *downsample);
}

ResNet18::ResNet18(int64_t outputs, int64_t channels, Generator& generator)
    : conv1(convolution(channels, 64, 7, 2, generator)),
      bn1(64),
      layer1(stage(64, 64, 1, generator)),
      layer2(stage(64, 128, 2, generator)),
      layer3(stage(128, 256, 2, generator)),
      layer4(stage(256, trunk_channels, 2, generator)) {
  if (outputs != 0) fc.emplace(trunk_channels, outputs, true, generator);
}

Tensor ResNet18::trunk(const Tensor& x) {
  const Tensor stem = max_pool2d(relu(bn1(conv1(x))), 3, {.stride = 2, .padding = 1});
  return layer4(layer3(layer2(layer1(stem))));
}

Tensor ResNet18::forward(const Tensor& x) {
  const Tensor features = flatten(adaptive_avg_pool2d(trunk(x), 1), 1);
  return fc ? fc->forward(features) : features;
}

void ResNet18::parts(Parts& p) {
  p.module("conv1", conv1).module("bn1", bn1);
  p.module("layer1", layer1).module("layer2", layer2).module("layer3", layer3).module("layer4", layer4);
  if (fc) p.module("fc", *fc);
}

}  // namespace gradus
