#include "gradus/ops/index.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/checked_index.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// A dense tensor seen as outer × extent × inner around one dimension.
struct Axis {
  int64_t outer = 1, extent = 1, inner = 1;
  Axis(const Shape& shape, int dim) {
    for (int d = 0; d < shape.rank(); ++d) (d < dim ? outer : d == dim ? extent : inner) *= shape[d];
  }
};

// A vector of indices as it stands along one dimension of a shape.
Tensor standing(const Tensor& index, int rank, int dim) {
  Shape shape = Shape::filled(rank, 1), strides = Shape::filled(rank, 0);
  shape[dim] = index.numel(), strides[dim] = 1;
  return index.alias(shape, strides);
}

void check_vector(const char* op, const Tensor& x, const Tensor& index) {
  check_together(op, {{"input", &x}, {"index", &index}});
  if (x.rank() == 0)
    throw ShapeError(fmt::format("{}: got a tensor of shape (), wanted at least one dimension; reshape it to (1)", op));
  if (index.rank() != 1)
    throw ShapeError(fmt::format("{}: index has shape {}, wanted a vector", op, text(index.shape())));
}

// Below the graph; the index is dense.
Tensor rows_at(const Tensor& x, int dim, const Tensor& index) {
  const Axis axis(x.shape(), dim);
  const int64_t count = index.numel(), bytes = axis.inner * size_of(x.dtype());
  Shape shape = x.shape();
  shape[dim] = count;
  Tensor out(shape, x.dtype(), x.device());
  if (!on_cpu(x)) {
    device_gather("index_select", x, dim, standing(index, x.rank(), dim), out);
    return out;
  }
  const Tensor from = dense(x);
  const auto* source = static_cast<const char*>(from.bytes());
  auto* target = static_cast<char*>(out.mutable_bytes());
  const int64_t *at = index.data<int64_t>(),
                group = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, axis.inner));
  const int64_t rows = axis.outer * count;
  parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(rows, (task + 1) * group); ++r)
      std::memcpy(target + r * bytes, source + (r / count * axis.extent + at[r % count]) * bytes, size_t(bytes));
  });
  return out;
}

}  // namespace

Tensor selected_at(const Tensor& x, int dim, const Tensor& index) {
  Tensor out = rows_at(x, dim, index);
  if (recording(x))
    record("index_select", out, {&x}, [shape = x.shape(), dim, index = Saved(index)](const Tensor& g, Gradients& to) {
      to[0] = added_at(zeros(shape, g.dtype(), g.device()), dim, index(), g);
    });
  return out;
}

namespace {

// to[… index[k] …] += source[… k …]; the index is dense.
void add_rows(const Tensor& source, int dim, const Tensor& index, Tensor& to) {
  constexpr int64_t width = 32;  // of the slice of a row that a task adds, so that no two tasks meet
  if (!on_cpu(to)) return device_scatter("index_add", source, dim, standing(index, to.rank(), dim), to);
  const Tensor from = dense(source);
  const Axis axis(to.shape(), dim);
  const int64_t slices = (axis.inner + width - 1) / width, count = index.numel();
  visit_floating(to.dtype(), [&]<class F>(Type<F>) {
    F* sums = to.mutable_data<F>();
    parallel_for(axis.outer * slices, [&](int64_t task) {
      const int64_t o = task / slices, first = task % slices * width, n = std::min(width, axis.inner - first);
      for (int64_t k = 0; k < count; ++k) {
        F* row = sums + (o * axis.extent + index.data<int64_t>()[k]) * axis.inner + first;
        const F* more = from.data<F>() + (o * count + k) * axis.inner + first;
        for (int64_t i = 0; i < n; ++i) row[i] += more[i];
      }
    });
  });
}

}  // namespace

Tensor added_at(const Tensor& x, int dim, const Tensor& index, const Tensor& source) {
  Tensor out = Tensor(x.shape(), x.dtype(), x.device());
  copy_elements(x, out);
  add_rows(source, dim, index, out);
  if (recording(x, source))
    record("index_add", out, {&x, &source}, [dim, index = Saved(index)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = g;
      if (to.wants(1)) to[1] = selected_at(g, dim, index());
    });
  return out;
}

namespace {

// ---- gather and scatter -------------------------------------------------------------------------

// Calls f(offset in a, offset in b) at the start of every line along `dim` of a dense `shape` that lies in both.
template <class Line>
void each_line(const Shape& shape, int dim, const Shape& a_strides, const Shape& b_strides, Line line) {
  int64_t lines = 1;
  for (int d = 0; d < shape.rank(); ++d)
    if (d != dim) lines *= shape[d];
  const int64_t length = shape.rank() ? shape[dim] : 1,
                group = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, length));
  parallel_for((lines + group - 1) / group, [&](int64_t task) {
    for (int64_t l = task * group; l < std::min(lines, (task + 1) * group); ++l) {
      int64_t rest = l, a = 0, b = 0;
      for (int d = shape.rank() - 1; d >= 0; --d) {
        if (d == dim) continue;
        a += rest % shape[d] * a_strides[d];
        b += rest % shape[d] * b_strides[d];
        rest /= shape[d];
      }
      line(a, b);
    }
  });
}

int check_indexed(const char* op, const Tensor& x, int64_t dim, const Tensor& index) {
  check_together(op, {{"input", &x}, {"index", &index}});
  const int d = dimension(op, dim, x.rank());
  bool fits = index.rank() == x.rank();
  for (int k = 0; fits && k < x.rank(); ++k) fits = k == d || index.shape()[k] <= x.shape()[k];
  if (!fits)
    throw ShapeError(fmt::format(
        "{}: index has shape {} but input has shape {}, wanted no extent larger than the input's but in dim {}", op,
        text(index.shape()), text(x.shape()), d));
  return d;
}

int64_t extent_of(const Tensor& x, int dim) { return x.rank() ? x.shape()[dim] : 1; }
int64_t stride_of(const Shape& strides, int dim) { return strides.rank() ? strides[dim] : 1; }

template <class T> void gather_lines(const T* from, const Shape& from_shape, int dim, const Tensor& index, T* to) {
  const Shape strides = dense_strides(from_shape), own = dense_strides(index.shape());
  const int64_t step = stride_of(strides, dim), own_step = stride_of(own, dim), length = extent_of(index, dim);
  const int64_t* at = index.data<int64_t>();
  each_line(index.shape(), dim, strides, own, [&](int64_t base, int64_t start) {
    for (int64_t k = 0, i = start; k < length; ++k, i += own_step) to[i] = from[base + at[i] * step];
  });
}

Tensor scattered(const Tensor& x, int dim, const Tensor& index, const Tensor& source);

Tensor gathered(const Tensor& x, int dim, const Tensor& index) {
  Tensor out(index.shape(), x.dtype(), x.device());
  if (on_cpu(x)) {
    const Tensor from = dense(x);
    visit(x.dtype(),
          [&]<class T>(Type<T>) { gather_lines(from.data<T>(), x.shape(), dim, index, out.mutable_data<T>()); });
  } else {
    device_gather("gather", x, dim, index, out);
  }
  if (recording(x))
    record("gather", out, {&x}, [shape = x.shape(), dim, index = Saved(index)](const Tensor& g, Gradients& to) {
      to[0] = scattered(zeros(shape, g.dtype(), g.device()), dim, index(), g);
    });
  return out;
}

// to[… index …] += source; the index is dense.
void scatter_lines(const Tensor& source, int dim, const Tensor& index, Tensor& to) {
  if (!on_cpu(to)) return device_scatter("scatter_add", source, dim, index, to);
  const Tensor from = dense(source);
  const Shape strides = dense_strides(to.shape()), own = dense_strides(index.shape());
  const int64_t step = stride_of(strides, dim), own_step = stride_of(own, dim), length = extent_of(index, dim);
  const int64_t* at = index.data<int64_t>();
  visit_floating(to.dtype(), [&]<class F>(Type<F>) {
    F* sums = to.mutable_data<F>();
    each_line(index.shape(), dim, strides, own, [&](int64_t base, int64_t start) {
      for (int64_t k = 0, i = start; k < length; ++k, i += own_step) sums[base + at[i] * step] += from.data<F>()[i];
    });
  });
}

Tensor scattered(const Tensor& x, int dim, const Tensor& index, const Tensor& source) {
  Tensor out(x.shape(), x.dtype(), x.device());
  copy_elements(x, out);
  scatter_lines(source, dim, index, out);
  if (recording(x, source))
    record("scatter_add", out, {&x, &source}, [dim, index = Saved(index)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = g;
      if (to.wants(1)) to[1] = gathered(g, dim, index());
    });
  return out;
}

// ---- masks --------------------------------------------------------------------------------------

void check_mask(const char* op, const Tensor& x, const Tensor& mask) {
  check_together(op, {{"input", &x}, {"mask", &mask}});
  if (mask.dtype() != Dtype::boolean)
    throw DtypeError(fmt::format("{}: mask is {}, wanted bool; convert it with to()", op, name_of(mask.dtype())));
}

Tensor filled(const Tensor& x, const Tensor& mask, double value) {
  Tensor out(x.shape(), x.dtype(), x.device());
  if (!on_cpu(x)) {
    const Tensor* inputs[] = {&mask, &x};
    const double constants[] = {0, value};
    device_choose("masked_fill", inputs, 2, out, constants);
  } else {
    copy_elements(x, out);
    visit(x.dtype(), [&]<class T>(Type<T>) {
      T* to = out.mutable_data<T>();
      const T fill = convert<T>(value);
      const bool* hidden = mask.data<bool>();
      for (int64_t i = 0; i < out.numel(); ++i)
        if (hidden[i]) to[i] = fill;
    });
  }
  if (recording(x))
    record("masked_fill", out, {&x},
           [mask = Saved(mask)](const Tensor& g, Gradients& to) { to[0] = filled(g, mask(), 0); });
  return out;
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  check_vector("index_select", x, index);
  const int d = dimension("index_select", dim, x.rank());
  return selected_at(x, d, checked_index("index_select", "index", index, x.shape()[d]));
}

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  check_alike("index_add", {{"input", &x}, {"source", &source}});
  check_vector("index_add", x, index);
  const int d = dimension("index_add", dim, x.rank());
  Shape wanted = x.shape();
  wanted[d] = index.numel();
  if (!(source.shape() == wanted))
    throw ShapeError(fmt::format("index_add: source has shape {}, wanted {}: the input's {} with {} indices in dim {}",
                                 text(source.shape()), text(wanted), text(x.shape()), index.numel(), d));
  return added_at(x, d, checked_index("index_add", "index", index, x.shape()[d]), source);
}

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  const int d = check_indexed("gather", x, dim, index);
  return gathered(x, d, checked_index("gather", "index", index, extent_of(x, d)));
}

Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  check_alike("scatter_add", {{"input", &x}, {"source", &source}});
  const int d = check_indexed("scatter_add", x, dim, index);
  if (!(source.shape() == index.shape()))
    throw ShapeError(
        fmt::format("scatter_add: source has shape {} but index has shape {}, wanted one shape; slice the source",
                    text(source.shape()), text(index.shape())));
  return scattered(x, d, checked_index("scatter_add", "index", index, extent_of(x, d)), source);
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  check_mask("masked_fill", x, mask);
  if (!(broadcast("masked_fill", x.shape(), mask.shape()) == x.shape()))
    throw ShapeError(
        fmt::format("masked_fill: mask has shape {} but input has shape {}, wanted a mask that broadcasts to the "
                    "input; expand the input",
                    text(mask.shape()), text(x.shape())));
  return filled(x, dense(expand(mask, x.shape())), value);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  check_mask("masked_select", x, mask);
  const Shape shape = broadcast("masked_select", x.shape(), mask.shape());
  const Tensor shown = on_the_cpu("masked_select", dense(expand(mask, shape)));
  std::vector<int64_t> places;
  for (int64_t i = 0; i < shown.numel(); ++i)
    if (shown.data<bool>()[i]) places.push_back(i);
  const Tensor index = to(from_data(places.data(), {int64_t(places.size())}), x.device());
  return selected_at(reshape(expand(x, shape), {-1}), 0, index);
}

Tensor one_hot(const Tensor& labels, int64_t classes, Dtype dtype) {
  if (classes < 1) throw ParamError(fmt::format("one_hot: classes is {}, wanted at least 1", classes));
  const Tensor at = checked_index("one_hot", "label", labels, classes);
  Shape shape = labels.shape();
  shape.push_back(classes);
  if (!on_cpu(at)) {
    std::vector<int64_t> each(static_cast<size_t>(classes));
    std::iota(each.begin(), each.end(), int64_t{0});
    return to(eq(unsqueeze(at, -1), to(from_data(each.data(), {classes}), at.device())), dtype);
  }
  Tensor out = zeros(shape, dtype);
  visit(dtype, [&]<class T>(Type<T>) {
    T* to = out.mutable_data<T>();
    for (int64_t i = 0; i < at.numel(); ++i) to[i * classes + at.data<int64_t>()[i]] = convert<T>(1);
  });
  return out;
}

}  // namespace gradus
