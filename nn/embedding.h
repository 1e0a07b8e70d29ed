// A table of vectors, looked up by number.
#pragma once
#include <optional>

#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

/// Indices (...) int64 in [0, rows) -> (..., width). weight (rows, width) starts standard normal, as in PyTorch; the
/// row `padding`, if given, starts as zeros and receives no gradient.
struct Embedding : Module {
  Tensor weight;
  std::optional<int64_t> padding;

  /// Throws ParamError unless rows and width are positive and padding is in [0, rows).
  Embedding(int64_t rows, int64_t width, std::optional<int64_t> padding = {},
            Generator& generator = default_generator());
  Tensor forward(const Tensor& indices) override;
  void parts(Parts& p) override { p.parameter("weight", weight); }
};

}  // namespace gradus
