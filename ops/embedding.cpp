#include "gradus/ops/embedding.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/checked_index.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

// true where a row of the result shows the padding; (count, 1).
Tensor padding_mask(const Tensor& flat, int64_t padding) { return unsqueeze(eq(flat, double(padding)), 1); }

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding) {
  check_alike("embedding", {{"weight", &weight}});
  check_together("embedding", {{"weight", &weight}, {"indices", &indices}});
  if (weight.rank() != 2)
    throw ShapeError(fmt::format("embedding: weight has shape {}, wanted (rows, features)", text(weight.shape())));
  const int64_t rows = weight.shape()[0], features = weight.shape()[1];
  if (padding && (*padding < 0 || *padding >= rows))
    throw IndexError(fmt::format("embedding: padding index {} is outside [0, {})", *padding, rows));
  const Tensor flat = checked_index("embedding", "index", indices, rows).alias({indices.numel()}, {1});
  Tensor found;
  {
    NoGrad quiet;
    found = selected_at(weight, 0, flat);
  }
  Shape shape = indices.shape();
  shape.push_back(features);
  Tensor out = found.alias(shape, dense_strides(shape));
  if (recording(weight))
    record("embedding", out, {&weight}, [flat = Saved(flat), rows, features, padding](const Tensor& g, Gradients& to) {
      const Tensor by_row = reshape(g, {flat().numel(), features});
      const Tensor counted = padding ? masked_fill(by_row, padding_mask(flat(), *padding), 0) : by_row;
      to[0] = added_at(zeros({rows, features}, g.dtype(), g.device()), 0, flat(), counted);
    });
  return out;
}

}  // namespace gradus
