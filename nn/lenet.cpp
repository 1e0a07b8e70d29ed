#include "gradus/nn/lenet.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

constexpr int64_t kernel = 5, unpadded = 32, smallest = 12;

int64_t padding_for(int64_t height, int64_t width) {
  if (height < smallest || width < smallest)
    throw ParamError(
        fmt::format("lenet5: got images of {}x{}, wanted at least {}x{}; use cnn", height, width, smallest, smallest));
  return height < unpadded || width < unpadded ? 2 : 0;
}

// Elements of a channel behind both convolutions and both poolings.
int64_t features(int64_t height, int64_t width) {
  const int64_t padding = padding_for(height, width);
  const auto left = [&](int64_t size) { return ((size + 2 * padding - kernel + 1) / 2 - kernel + 1) / 2; };
  return left(height) * left(width);
}

}  // namespace

LeNet5::LeNet5(int64_t channels, int64_t height, int64_t width, int64_t outputs, Generator& generator)
    : conv1(channels, 6, kernel, {.padding = padding_for(height, width)}, true, generator),
      conv2(6, 16, kernel, {}, true, generator),
      fc1(16 * features(height, width), 120, true, generator),
      fc2(120, 84, true, generator),
      fc3(84, outputs, true, generator) {}

Tensor LeNet5::forward(const Tensor& x) {
  const Tensor edges = max_pool2d(relu(conv1(x)), 2);
  const Tensor shapes = max_pool2d(relu(conv2(edges)), 2);
  return fc3(relu(fc2(relu(fc1(flatten(shapes, 1))))));
}

void LeNet5::parts(Parts& p) {
  p.module("conv1", conv1).module("conv2", conv2).module("fc1", fc1).module("fc2", fc2).module("fc3", fc3);
}

}  // namespace gradus
