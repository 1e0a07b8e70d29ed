#include "gradus/nn/embedding.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/nn/init.h"
#include "gradus/ops/embedding.h"

namespace gradus {

Embedding::Embedding(int64_t rows, int64_t width, std::optional<int64_t> padding, Generator& generator)
    : padding(padding) {
  if (rows < 1 || width < 1)
    throw ParamError(fmt::format(
        "Embedding: got {} rows of width {}, wanted at least one of each; check the size of the table", rows, width));
  if (padding && (*padding < 0 || *padding >= rows))
    throw ParamError(fmt::format("Embedding: padding {} is outside [0, {}); name a row of the table", *padding, rows));
  weight = Tensor({rows, width});
  init::normal(weight, 0, 1, generator);
  if (padding) std::fill_n(weight.mutable_data<float>() + *padding * width, width, 0.0f);
  weight.requires_grad(true);
}

Tensor Embedding::forward(const Tensor& indices) { return embedding(weight, indices, padding); }

}  // namespace gradus
