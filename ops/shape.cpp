#include "gradus/ops/shape.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// `shape` with its -1 replaced by the extent that makes the numbers of elements equal.
Shape inferred(const char* op, const Tensor& x, Shape shape) {
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == -1 && unknown < 0) unknown = d;
    else if (shape[d] < 0)
      throw ShapeError(fmt::format("{}: got shape {}, wanted extents >= 0 and at most one -1", op, text(shape)));
    else known *= shape[d];
  }
  if (unknown >= 0 && known > 0 && x.numel() % known == 0) shape[unknown] = x.numel() / known;
  if (shape.numel() != x.numel() || (unknown >= 0 && shape[unknown] < 0))
    throw ShapeError(
        fmt::format("{}: {} has {} elements, which do not fill shape {}; choose extents whose product is {}", op,
                    describe(x), x.numel(), text(shape), x.numel()));
  return shape;
}

// The strides with which x's elements appear under `shape`; false where that takes a copy.
bool view_strides(const Tensor& x, const Shape& shape, Shape& strides) {
  if (x.is_contiguous() || x.numel() == 0) {
    strides = dense_strides(shape);
    return true;
  }
  strides = Shape::filled(shape.rank(), 0);
  Shape extents, steps;  // of x, without the dimensions of extent 1, whose strides mean nothing
  for (int d = 0; d < x.rank(); ++d)
    if (x.shape()[d] != 1) extents.push_back(x.shape()[d]), steps.push_back(x.strides()[d]);
  // Walk both shapes from the right; a run of x's dimensions that lie dense may be cut anew.
  int d = shape.rank() - 1;
  for (int first = extents.rank(); first > 0;) {
    const int64_t step = steps[--first];
    int64_t n = extents[first], filled = 1;
    for (; first > 0 && steps[first - 1] == extents[first] * steps[first]; n *= extents[--first]) {}
    for (; d >= 0 && filled < n; filled *= shape[d--]) strides[d] = filled * step;
    if (filled != n) return false;
  }
  return true;  // what is left of shape has extent 1
}

// A view that leaves elements out, recorded; its adjoint puts a gradient back among zeros.  `look(x)` makes the view.
template <class Look> Tensor partial_view(const char* op, const Tensor& x, Look look);

template <class Look> Tensor among_zeros(const char* op, const Tensor& g, const Shape& shape, Look look) {
  Tensor out = zeros(shape, g.dtype(), g.device());
  Tensor window = look(out);
  copy_elements(g, window);
  if (recording(g))
    record(op, out, {&g}, [op, look](const Tensor& gg, Gradients& to) { to[0] = partial_view(op, gg, look); });
  return out;
}

template <class Look> Tensor partial_view(const char* op, const Tensor& x, Look look) {
  Tensor out = look(x);
  if (recording(x))
    record(op, out, {&x},
           [op, from = x.shape(), look](const Tensor& g, Gradients& to) { to[0] = among_zeros(op, g, from, look); });
  return out;
}

Tensor permuted(const Tensor& x, const Shape& order) {
  Shape shape, strides, inverse = order;
  for (int d = 0; d < x.rank(); ++d) {
    shape.push_back(x.shape()[int(order[d])]);
    strides.push_back(x.strides()[int(order[d])]);
    inverse[int(order[d])] = d;
  }
  Tensor out = x.alias(shape, strides);
  if (recording(x))
    record("permute", out, {&x}, [inverse](const Tensor& g, Gradients& to) { to[0] = permuted(g, inverse); });
  return out;
}

// A view whose elements are all of x's, in the same order.
Tensor reshaped(const char* op, const Tensor& x, const Shape& shape, const Shape& strides) {
  Tensor out = x.alias(shape, strides);
  if (recording(x))
    record(op, out, {&x}, [from = x.shape()](const Tensor& g, Gradients& to) { to[0] = reshape(g, from); });
  return out;
}

// A position along a dimension of n elements, counted from the front and clamped to [0, n].
int64_t clamped(int64_t position, int64_t n) {
  return std::clamp<int64_t>(position < 0 ? position + n : position, 0, n);
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& asked) {
  const Shape shape = inferred("reshape", x, asked);
  if (shape == x.shape()) return x;
  Shape strides;
  if (view_strides(x, shape, strides)) return reshaped("reshape", x, shape, strides);
  Tensor out = dense(x).alias(shape, dense_strides(shape));
  if (recording(x))
    record("reshape", out, {&x}, [from = x.shape()](const Tensor& g, Gradients& to) { to[0] = reshape(g, from); });
  return out;
}

Tensor view(const Tensor& x, const Shape& asked) {
  const Shape shape = inferred("view", x, asked);
  Shape strides;
  if (!view_strides(x, shape, strides))
    throw ShapeError(fmt::format("view: {} with strides {} cannot be seen as {} without a copy; use reshape() instead",
                                 describe(x), text(x.strides()), text(shape)));
  return reshaped("view", x, shape, strides);
}

Tensor flatten(const Tensor& x, int64_t start, int64_t end) {
  const int first = dimension("flatten", start, x.rank()), last = dimension("flatten", end, x.rank());
  if (first > last)
    throw ParamError(fmt::format("flatten: start dim {} comes after end dim {}; swap them", start, end));
  Shape shape;
  for (int d = 0; d < x.rank(); ++d)
    d > first&& d <= last ? void(shape[first] *= x.shape()[d]) : shape.push_back(x.shape()[d]);
  return reshape(x, x.rank() ? shape : Shape{1});
}

Tensor expand(const Tensor& x, const Shape& asked) {
  Shape shape = asked;
  const int shift = shape.rank() - x.rank();
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] == -1 && d >= shift) shape[d] = x.shape()[d - shift];
  bool fits = shift >= 0;
  for (int d = 0; fits && d < shape.rank(); ++d)
    fits = shape[d] >= 0 && (d < shift || x.shape()[d - shift] == 1 || x.shape()[d - shift] == shape[d]);
  if (!fits)
    throw ShapeError(
        fmt::format("expand: {} does not expand to {}; only extents of 1 repeat", describe(x), text(asked)));
  if (shape == x.shape()) return x;
  Tensor out = x.alias(shape, broadcast_strides(x, shape));
  if (recording(x))
    record("expand", out, {&x}, [from = x.shape()](const Tensor& g, Gradients& to) { to[0] = sum_to(g, from); });
  return out;
}

Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1) {
  const int a = dimension("transpose", dim0, x.rank()), b = dimension("transpose", dim1, x.rank());
  Shape shape = x.shape(), strides = x.strides();
  if (x.rank()) std::swap(shape[a], shape[b]), std::swap(strides[a], strides[b]);
  Tensor out = x.alias(shape, strides);
  if (recording(x))
    record("transpose", out, {&x}, [a, b](const Tensor& g, Gradients& to) { to[0] = transpose(g, a, b); });
  return out;
}

Tensor permute(const Tensor& x, const std::vector<int64_t>& dims) {
  const Shape asked(dims.data(), dims.data() + std::min<size_t>(dims.size(), Shape::max_rank));
  bool named[Shape::max_rank] = {}, each_once = int(dims.size()) == x.rank();
  Shape order;
  for (size_t i = 0; each_once && i < dims.size(); ++i) {
    const int d = dimension("permute", dims[i], x.rank());
    each_once = !std::exchange(named[d], true);
    order.push_back(d);
  }
  if (!each_once)
    throw ShapeError(fmt::format("permute: got dims {} for {}, wanted each of its {} dimensions once", text(asked),
                                 describe(x), x.rank()));
  return permuted(x, order);
}

Tensor squeeze(const Tensor& x) {
  Shape shape = x.shape(), strides = x.strides();
  for (int d = x.rank() - 1; d >= 0; --d)
    if (shape[d] == 1) shape.erase(d), strides.erase(d);
  return reshaped("squeeze", x, shape, strides);
}

Tensor squeeze(const Tensor& x, int64_t dim) {
  const int d = dimension("squeeze", dim, x.rank());
  if (x.rank() == 0 || x.shape()[d] != 1) return x;
  Shape shape = x.shape(), strides = x.strides();
  shape.erase(d), strides.erase(d);
  return reshaped("squeeze", x, shape, strides);
}

Tensor unsqueeze(const Tensor& x, int64_t dim) {
  const int d = dimension("unsqueeze", dim, x.rank() + 1);
  Shape shape = x.shape(), strides = x.strides();
  strides.insert(d, d < x.rank() ? shape[d] * strides[d] : 1);
  shape.insert(d, 1);
  return reshaped("unsqueeze", x, shape, strides);
}

Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t stop, int64_t step) {
  if (x.rank() == 0)
    throw ShapeError("slice: got a tensor of shape (), wanted at least one dimension; reshape it to (1)");
  const int d = dimension("slice", dim, x.rank());
  if (step <= 0) throw ParamError(fmt::format("slice: step {} is not positive; flip() reverses a dimension", step));
  const int64_t n = x.shape()[d], first = clamped(start, n), length = std::max<int64_t>(0, clamped(stop, n) - first);
  const int64_t count = length / step + (length % step != 0);
  return partial_view("slice", x, [=](const Tensor& t) {
    Shape shape = t.shape(), strides = t.strides();
    const int64_t offset = count ? first * strides[d] : 0;
    shape[d] = count;
    if (count > 1) strides[d] *= step;
    return t.alias(shape, strides, offset);
  });
}

Tensor select(const Tensor& x, int64_t dim, int64_t index) {
  if (x.rank() == 0)
    throw ShapeError("select: got a tensor of shape (), wanted at least one dimension; reshape it to (1)");
  const int d = dimension("select", dim, x.rank());
  const int64_t n = x.shape()[d], i = index < 0 ? index + n : index;
  if (i < 0 || i >= n)
    throw IndexError(fmt::format("select: index {} in dim {} of {} is outside [0, {})", index, d, describe(x), n));
  return partial_view("select", x, [=](const Tensor& t) {
    Shape shape = t.shape(), strides = t.strides();
    const int64_t offset = i * strides[d];
    shape.erase(d), strides.erase(d);
    return t.alias(shape, strides, offset);
  });
}

std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t dim) {
  if (size <= 0)
    throw ParamError(fmt::format("split: size {} is not positive; choose how many elements a piece takes", size));
  const int64_t n = x.size(dimension("split", dim, x.rank()));
  std::vector<int64_t> sizes(size_t(n / size), size);
  if (n % size || n == 0) sizes.push_back(n % size);
  return split(x, sizes, dim);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<int64_t>& sizes, int64_t dim) {
  const int d = dimension("split", dim, x.rank());
  int64_t sum = 0;
  bool negative = false;
  for (int64_t size : sizes) sum += size, negative |= size < 0;
  if (negative || sum != x.size(d))
    throw ShapeError(
        fmt::format("split: the sizes sum to {}{}, wanted sizes >= 0 that sum to {}, the extent of dim {} of {}", sum,
                    negative ? " with a negative one among them" : "", x.size(d), d, describe(x)));
  std::vector<Tensor> pieces;
  int64_t start = 0;
  for (int64_t size : sizes) {
    pieces.push_back(slice(x, d, start, start + size));
    start += size;
  }
  return pieces;
}

Tensor diagonal(const Tensor& x, int64_t dim0, int64_t dim1) {
  const int a = dimension("diagonal", dim0, x.rank()), b = dimension("diagonal", dim1, x.rank());
  if (a == b || x.rank() < 2)
    throw ShapeError(
        fmt::format("diagonal: got dims {} and {} of {}, wanted two different dimensions", dim0, dim1, describe(x)));
  return partial_view("diagonal", x, [low = std::min(a, b), high = std::max(a, b)](const Tensor& t) {
    Shape shape = t.shape(), strides = t.strides();
    const int64_t extent = std::min(shape[low], shape[high]), stride = strides[low] + strides[high];
    shape.erase(high), strides.erase(high);
    shape.erase(low), strides.erase(low);
    shape.push_back(extent), strides.push_back(stride);
    return t.alias(shape, strides);
  });
}

Tensor Tensor::clone() const {
  Tensor copy(shape(), dtype(), device());
  copy_elements(*this, copy);
  if (recording(*this)) record("clone", copy, {this}, [](const Tensor& g, Gradients& to) { to[0] = g; });
  return copy;
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

}  // namespace gradus
