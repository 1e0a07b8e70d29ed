#include "gradus/ops/shape.h"

#include <fmt/core.h>

#include <utility>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// `shape` with its -1 replaced by the extent that makes the numbers of elements equal.
Shape inferred(const Tensor& x, Shape shape) {
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == -1 && unknown < 0) unknown = d;
    else if (shape[d] < 0)
      throw ShapeError(fmt::format("reshape: got shape {}, wanted extents >= 0 and at most one -1", text(shape)));
    else known *= shape[d];
  }
  if (unknown >= 0 && known > 0 && x.numel() % known == 0) shape[unknown] = x.numel() / known;
  if (shape.numel() != x.numel() || (unknown >= 0 && shape[unknown] < 0))
    throw ShapeError(fmt::format("reshape: {} has {} elements, which do not fill shape {}; choose extents whose product is {}", describe(x), x.numel(), text(shape), x.numel()));
  return shape;
}

// The strides with which x's elements appear under `shape`; false where that takes a copy.
bool view_strides(const Tensor& x, const Shape& shape, Shape& strides) {
  if (x.is_contiguous()) {
    strides = dense_strides(shape);
    return true;
  }
  strides = Shape::filled(shape.rank(), 0);
  // Walk both shapes from the right; a run of x's dimensions that lie dense may be cut anew.
  int d = shape.rank() - 1;
  for (int last = x.rank() - 1; last >= 0;) {
    int64_t step = x.strides()[last], n = x.shape()[last];
    int first = last;
    while (first > 0 && (x.shape()[first - 1] == 1 || x.strides()[first - 1] == x.shape()[first] * x.strides()[first])) n *= x.shape()[--first];
    int64_t filled = 1;
    while (d >= 0 && (filled < n || shape[d] == 1)) {
      strides[d] = filled * step;
      filled *= shape[d--];
    }
    if (filled != n) return false;
    last = first - 1;
  }
  return d < 0;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& asked) {
  const Shape shape = inferred(x, asked);
  if (shape == x.shape()) return x;
  Shape strides;
  Tensor out;
  if (view_strides(x, shape, strides)) out = x.alias(shape, strides);
  else out = dense(x).alias(shape, dense_strides(shape));
  if (recording(x)) record("reshape", out, {&x}, [from = x.shape()](const Tensor& g, Gradients& to) { to[0] = reshape(g, from); });
  return out;
}

Tensor expand(const Tensor& x, const Shape& asked) {
  Shape shape = asked;
  const int shift = shape.rank() - x.rank();
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] == -1 && d >= shift) shape[d] = x.shape()[d - shift];
  bool fits = shift >= 0;
  for (int d = 0; fits && d < shape.rank(); ++d) fits = shape[d] >= 0 && (d < shift || x.shape()[d - shift] == 1 || x.shape()[d - shift] == shape[d]);
  if (!fits) throw ShapeError(fmt::format("expand: {} does not expand to {}; only extents of 1 repeat", describe(x), text(asked)));
  if (shape == x.shape()) return x;
  Tensor out = x.alias(shape, broadcast_strides(x, shape));
  if (recording(x)) record("expand", out, {&x}, [from = x.shape()](const Tensor& g, Gradients& to) { to[0] = sum_to(g, from); });
  return out;
}

Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1) {
  const int a = dimension("transpose", dim0, x.rank()), b = dimension("transpose", dim1, x.rank());
  Shape shape = x.shape(), strides = x.strides();
  if (x.rank()) std::swap(shape[a], shape[b]), std::swap(strides[a], strides[b]);
  Tensor out = x.alias(shape, strides);
  if (recording(x)) record("transpose", out, {&x}, [a, b](const Tensor& g, Gradients& to) { to[0] = transpose(g, a, b); });
  return out;
}

Tensor Tensor::clone() const {
  Tensor copy(shape(), dtype(), device());
  copy_elements(*this, copy);
  if (recording(*this)) record("clone", copy, {this}, [](const Tensor& g, Gradients& to) { to[0] = g; });
  return copy;
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

}  // namespace gradus
