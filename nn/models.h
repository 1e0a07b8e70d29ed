// Ready-made models.
#pragma once
#include <vector>

#include "gradus/core/random.h"
#include "gradus/nn/sequential.h"

namespace gradus {

/// Logistic regression: one Linear layer, whose outputs are logits. Inputs of higher rank are flattened. Throws
/// ParamError unless both numbers are positive.
Sequential logistic_regression(int64_t inputs, int64_t outputs, Generator& generator = default_generator());

/// A multilayer perceptron: Linear layers between the widths, ReLU between them; mlp({64, 128, 10}) has one hidden
/// layer. Inputs of higher rank are flattened. Throws ParamError below two widths.
Sequential mlp(const std::vector<int64_t>& widths, Generator& generator = default_generator());

/// A small convolutional network for images (N, channels, height, width): two 3×3 convolutions to 16 and 32 channels,
/// each with ReLU and 2×2 max pooling (images below 16×16 are pooled only after the second), then 128 hidden units.
/// Throws ParamError for images smaller than 4×4.
Sequential cnn(int64_t channels, int64_t height, int64_t width, int64_t outputs,
               Generator& generator = default_generator());

}  // namespace gradus
