#include "gradus/ops/rearrange.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "gradus/autograd/node.h"
#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

// ---- joining ------------------------------------------------------------------------------------

void check_join(const char* op, const std::vector<Tensor>& tensors, int dim) {
  const Tensor& first = tensors[0];
  for (size_t i = 1; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.dtype() != first.dtype())
      throw DtypeError(fmt::format("{}: tensor {} is {} but tensor 0 is {}, wanted one dtype; convert one with to()",
                                   op, i, name_of(t.dtype()), name_of(first.dtype())));
    if (t.device() != first.device())
      throw DeviceError(fmt::format("{}: tensor {} is on {} but tensor 0 is on {}; move one with to()", op, i,
                                    text(t.device()), text(first.device())));
    bool fits = t.rank() == first.rank();
    for (int d = 0; fits && d < t.rank(); ++d) fits = d == dim || t.shape()[d] == first.shape()[d];
    if (!fits)
      throw ShapeError(
          fmt::format("{}: tensor {} has shape {} but tensor 0 has shape {}, wanted equal extents but in dim {}", op, i,
                      text(t.shape()), text(first.shape()), dim));
  }
}

void check_some(const char* op, const std::vector<Tensor>& tensors) {
  if (tensors.empty()) throw ParamError(fmt::format("{}: got no tensors, wanted at least one", op));
}

// ---- padding ------------------------------------------------------------------------------------

// How much goes before and after each dimension.
struct Margins {
  Shape before, after;
};
Margins margins_of(const Tensor& x, const std::vector<int64_t>& amounts) {
  if (amounts.size() % 2 || amounts.size() > size_t(2 * x.rank()))
    throw ParamError(fmt::format("pad: got {} amounts for {}, wanted pairs (before, after) for at most {} dimensions",
                                 amounts.size(), describe(x), x.rank()));
  Margins m{Shape::filled(x.rank(), 0), Shape::filled(x.rank(), 0)};
  for (size_t i = 0; i < amounts.size(); i += 2) {
    const int d = x.rank() - 1 - int(i / 2);
    m.before[d] = amounts[i], m.after[d] = amounts[i + 1];
    if (x.shape()[d] + amounts[i] + amounts[i + 1] < 0)
      throw ShapeError(fmt::format("pad: amounts ({},{}) crop more than dim {} of {} has", amounts[i], amounts[i + 1],
                                   d, describe(x)));
  }
  return m;
}

// The part of t that margins leave uncropped, or, of the padded tensor, what they do not add.
Tensor without(const Tensor& t, const Shape& before, const Shape& after) {
  Shape shape = t.shape();
  int64_t offset = 0;
  for (int d = 0; d < t.rank(); ++d) {
    const int64_t first = std::clamp<int64_t>(before[d], 0, shape[d]);
    const int64_t last = shape[d] - std::clamp<int64_t>(after[d], 0, shape[d] - first);
    offset += first * t.strides()[d];
    shape[d] = last - first;
  }
  return t.alias(shape, t.strides(), shape.numel() ? offset : 0);
}

Shape negated(Shape s) {
  for (int d = 0; d < s.rank(); ++d) s[d] = -s[d];
  return s;
}

// Padding by negative margins takes away what padding by positive ones added: its own adjoint, but for the sign.
Tensor padded(const Tensor& x, const Margins& m, double value) {
  Shape shape = x.shape();
  for (int d = 0; d < x.rank(); ++d) shape[d] += m.before[d] + m.after[d];
  Tensor out(shape, x.dtype(), x.device());
  fill_elements(out, value);
  Tensor middle = without(out, m.before, m.after);
  const Tensor kept = without(x, negated(m.before), negated(m.after));
  if (middle.shape() == kept.shape()) copy_elements(kept, middle);
  if (recording(x))
    record("pad", out, {&x}, [back = Margins{negated(m.before), negated(m.after)}](const Tensor& g, Gradients& to) {
      to[0] = padded(g, back, 0);
    });
  return out;
}

// ---- mirroring and triangles --------------------------------------------------------------------

Tensor flipped(const Tensor& x, const Shape& mirrored) {  // mirrored[d] is 1 or 0
  Shape strides = x.strides();
  int64_t offset = 0;
  for (int d = 0; d < x.rank(); ++d)
    if (mirrored[d]) offset += (x.shape()[d] - 1) * std::exchange(strides[d], -strides[d]);
  Tensor out = Tensor::empty_like(x);
  if (x.numel()) copy_elements(x.alias(x.shape(), strides, offset), out);
  if (recording(x))
    record("flip", out, {&x}, [mirrored](const Tensor& g, Gradients& to) { to[0] = flipped(g, mirrored); });
  return out;
}

// Keeps columns [row + from, row + to) of every row.
struct Band {
  const char* op;
  int64_t from, to;
};
Tensor banded(const Tensor& x, const Band& band);

// On a device: chosen by a mask.
Tensor banded_there(const Tensor& x, const Band& band) {
  const int64_t rows = x.shape()[x.rank() - 2], columns = x.shape().back();
  const Tensor mask = to(banded(ones({rows, columns}, Dtype::boolean), band), x.device());
  Tensor out(x.shape(), x.dtype(), x.device());
  const Tensor* inputs[] = {&mask, &x};
  const double constants[] = {1, 0};
  device_choose(band.op, inputs, 2, out, constants);
  return out;
}
Tensor banded_here(const Tensor& x, const Band& band) {
  const int64_t rows = x.shape()[x.rank() - 2], columns = x.shape().back(), size = size_of(x.dtype());
  Tensor out = zeros(x.shape(), x.dtype());
  const Tensor source = dense(x);
  const auto* from = static_cast<const char*>(source.bytes());
  auto* to = static_cast<char*>(out.mutable_bytes());
  const int64_t all_rows = columns ? x.numel() / columns : 0;
  for (int64_t r = 0; r < all_rows; ++r) {
    const int64_t row = r % rows, first = std::clamp<int64_t>(row + band.from, 0, columns);
    const int64_t last = std::clamp<int64_t>(row + band.to, first, columns), start = (r * columns + first) * size;
    std::memcpy(to + start, from + start, size_t((last - first) * size));
  }
  return out;
}
Tensor banded(const Tensor& x, const Band& band) {
  if (x.rank() < 2) throw ShapeError(fmt::format("{}: got {}, wanted at least two dimensions", band.op, describe(x)));
  Tensor out = on_cpu(x) ? banded_here(x, band) : banded_there(x, band);
  if (recording(x)) record(band.op, out, {&x}, [band](const Tensor& g, Gradients& to) { to[0] = banded(g, band); });
  return out;
}

constexpr int64_t far = int64_t{1} << 48;  // no diagonal lies further out

// Tensors one behind the other along d, for concat() and stack().
Tensor joined(const char* op, const std::vector<Tensor>& tensors, int d) {
  check_join(op, tensors, d);
  const Tensor& first = tensors[0];
  Shape shape = first.shape();
  for (size_t i = 1; i < tensors.size(); ++i) shape[d] += tensors[i].shape()[d];
  Tensor out(shape, first.dtype(), first.device());
  std::vector<const Tensor*> inputs;
  std::vector<int64_t> starts{0};
  bool recorded = false;
  for (const Tensor& t : tensors) {
    Tensor place = out.alias(t.shape(), out.strides(), starts.back() * out.strides()[d]);
    copy_elements(t, place);
    inputs.push_back(&t);
    starts.push_back(starts.back() + t.shape()[d]);
    recorded |= recording(t);
  }
  if (recorded)
    record(op, out, inputs.data(), int(inputs.size()), [starts = std::move(starts), d](const Tensor& g, Gradients& to) {
      for (int i = 0; i + 1 < int(starts.size()); ++i)
        if (to.wants(i)) to[i] = slice(g, d, starts[size_t(i)], starts[size_t(i) + 1]);
    });
  return out;
}

}  // namespace

Tensor concat(const std::vector<Tensor>& tensors, int64_t dim) {
  check_some("concat", tensors);
  if (tensors[0].rank() == 0)
    throw ShapeError("concat: got tensors of shape (), wanted at least one dimension; use stack()");
  return joined("concat", tensors, dimension("concat", dim, tensors[0].rank()));
}

Tensor stack(const std::vector<Tensor>& tensors, int64_t dim) {
  check_some("stack", tensors);
  const int d = dimension("stack", dim, tensors[0].rank() + 1);
  std::vector<Tensor> wide;
  for (const Tensor& t : tensors) {
    if (!(t.shape() == tensors[0].shape()))
      throw ShapeError(fmt::format("stack: tensor {} has shape {} but tensor 0 has shape {}, wanted one shape",
                                   wide.size(), text(t.shape()), text(tensors[0].shape())));
    wide.push_back(unsqueeze(t, d));
  }
  return joined("stack", wide, d);
}

Tensor pad(const Tensor& x, const std::vector<int64_t>& amounts, double value) {
  return padded(x, margins_of(x, amounts), value);
}

Tensor flip(const Tensor& x, const std::vector<int64_t>& dims) {
  Shape mirrored = Shape::filled(x.rank(), 0);
  for (int64_t dim : dims) {
    const int d = dimension("flip", dim, x.rank());
    if (x.rank() == 0) continue;
    if (mirrored[d]) throw IndexError(fmt::format("flip: dim {} is named twice; name each dimension once", dim));
    mirrored[d] = 1;
  }
  return flipped(x, mirrored);
}

Tensor repeat(const Tensor& x, const std::vector<int64_t>& times) {
  const int added = int(times.size()) - x.rank();
  if (added < 0)
    throw ShapeError(
        fmt::format("repeat: got {} numbers for {}, wanted at least one per dimension", times.size(), describe(x)));
  Shape shape = Shape::filled(added, 1);
  for (int64_t extent : x.shape()) shape.push_back(extent);
  Tensor out = reshape(x, shape);
  for (int d = shape.rank() - 1; d >= 0; --d) {
    if (times[size_t(d)] < 0)
      throw ParamError(fmt::format("repeat: number {} of dim {} is negative, wanted at least 0", times[size_t(d)], d));
    int64_t outer = 1, block = 1;
    for (int k = 0; k < shape.rank(); ++k) (k < d ? outer : block) *= shape[k];
    shape[d] *= times[size_t(d)];
    out = reshape(expand(reshape(out, {outer, 1, block}), {outer, times[size_t(d)], block}), shape);
  }
  return out.same_storage(x) ? out.clone() : out;
}

Tensor tril(const Tensor& x, int64_t diagonal) { return banded(x, {"tril", -far, diagonal + 1}); }
Tensor triu(const Tensor& x, int64_t diagonal) { return banded(x, {"triu", diagonal, far}); }

}  // namespace gradus
