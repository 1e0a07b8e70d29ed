#include "gradus/nn/models.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/flatten.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/pooling.h"

namespace gradus {

Sequential logistic_regression(int64_t inputs, int64_t outputs, Generator& generator) {
  return Sequential(Flatten(), Linear(inputs, outputs, true, generator));
}

Sequential mlp(const std::vector<int64_t>& widths, Generator& generator) {
  if (widths.size() < 2)
    throw ParamError(
        fmt::format("mlp: got {} widths, wanted at least inputs and outputs; pass {{64, 128, 10}}", widths.size()));
  Sequential model;
  model.add(Flatten());
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    if (i > 0) model.add(ReLU());
    model.add(Linear(widths[i], widths[i + 1], true, generator));
  }
  return model;
}

Sequential cnn(int64_t channels, int64_t height, int64_t width, int64_t outputs, Generator& generator) {
  if (height < 4 || width < 4)
    throw ParamError(fmt::format("cnn: got images of {}x{}, wanted at least 4x4; use mlp", height, width));
  const bool large = height >= 16 && width >= 16;  // a small image keeps its detail up to the second convolution
  const int64_t shrunk = large ? 4 : 2, pixels = (height / shrunk) * (width / shrunk);
  Sequential model(Conv2d(channels, 16, 3, {.padding = 1}, true, generator), ReLU());
  if (large) model.add(MaxPool2d(2));
  model.add(Conv2d(16, 32, 3, {.padding = 1}, true, generator)).add(ReLU()).add(MaxPool2d(2));
  model.add(Flatten())
      .add(Linear(32 * pixels, 128, true, generator))
      .add(ReLU())
      .add(Linear(128, outputs, true, generator));
  return model;
}

}  // namespace gradus
