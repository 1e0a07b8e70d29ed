#include "gradus/ops/softmax.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/differentiable.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/fold.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

using folds::as;
using folds::Pack;
using folds::wide;

// Under the name that packs know it by.
Tensor exp_negative(const Tensor& x) { return exp(x); }

// Each formula says how an element is made from x and the row's largest element and Σ exp(x - largest), and how a
// gradient is made from g, y and Σ of `part` over the row.
struct Softmax {
  static constexpr const char* name = "softmax";
  template <class T> GRADUS_FN static T value(T from_largest, T, T inverse_sum) {
    return exp_negative(from_largest) * inverse_sum;
  }
  template <class T> GRADUS_FN static T part(T g, T y) { return g * y; }
  template <class T> GRADUS_FN static T slope(T g, T y, T total) { return y * (g - total); }
};
struct LogSoftmax {
  static constexpr const char* name = "log_softmax";
  template <class T> GRADUS_FN static T value(T from_largest, T log_sum, T) { return from_largest - log_sum; }
  template <class T> GRADUS_FN static T part(T g, T) { return g; }
  template <class T> GRADUS_FN static T slope(T g, T y, T total) { return g - exp(y) * total; }
};

struct Exps : folds::Sum {
  template <class T, class W> GRADUS_FN W lift(T x, W largest) const { return wide(exp_negative(x - as<T>(largest))); }
};

// f(pack index range) over n elements: whole packs, then the ragged rest.
template <class T, class F> GRADUS_FN void each_pack(int64_t n, F f) {
  int64_t i = 0;
  for (; i + T::size <= n; i += T::size) f(i, T::size);
  if (i < n) f(i, int(n - i));
}
template <class T, class F> GRADUS_FN T load(const F* p, int n) {
  return n == T::size ? T::load(p) : T::load_first(p, n);
}
template <class T, class F> GRADUS_FN void store(T v, F* p, int n) { n == T::size ? v.store(p) : v.store_first(p, n); }

// Along rows that lie dense.
template <class Op, class F> void row_forward(const F* x, int64_t n, F* y) {
  using T = Pack<F>;
  const double largest = folds::row(folds::Max{}, x, n, 0), sum = folds::row(Exps{}, x, n, largest);
  const T shift = largest, log_sum = ::log(sum), inverse_sum = 1 / sum;
  each_pack<T>(n,
               [&](int64_t i, int k) { store(Op::value(load<T>(x + i, k) - shift, log_sum, inverse_sum), y + i, k); });
}
template <class Op, class F> void row_backward(const F* g, const F* y, int64_t n, F* to) {
  using T = Pack<F>;
  folds::Wide<F> sums = 0.0;
  each_pack<T>(n, [&](int64_t i, int k) {
    auto part = wide(Op::part(load<T>(g + i, k), load<T>(y + i, k)));
    for (int j = k; j < T::size; ++j) part.set(j, 0);
    sums = sums + part;
  });
  double total = 0;
  for (int j = 0; j < T::size; ++j) total += sums.lane(j);
  each_pack<T>(n,
               [&](int64_t i, int k) { store(Op::slope(load<T>(g + i, k), load<T>(y + i, k), T(total)), to + i, k); });
}

// Across rows: `width` columns, at most a pack, side by side; the rows lie `stride` apart.
template <class Op, class F> void columns_forward(const F* x, int64_t n, int64_t stride, int width, F* y) {
  using T = Pack<F>;
  const auto row = [&](int64_t k) { return load<T>(x + k * stride, width); };
  T largest = row(0);
  for (int64_t k = 1; k < n; ++k) largest = folds::Max::join(largest, row(k));
  folds::Wide<F> sum = 0.0;
  for (int64_t k = 0; k < n; ++k) sum = sum + wide(exp_negative(row(k) - largest));
  const T log_sum = as<T>(log(sum)), inverse_sum = as<T>(1.0 / sum);
  for (int64_t k = 0; k < n; ++k) store(Op::value(row(k) - largest, log_sum, inverse_sum), y + k * stride, width);
}
template <class Op, class F>
void columns_backward(const F* g, const F* y, int64_t n, int64_t stride, int width, F* to) {
  using T = Pack<F>;
  const auto row = [&](const F* p, int64_t k) { return load<T>(p + k * stride, width); };
  folds::Wide<F> total = 0.0;
  for (int64_t k = 0; k < n; ++k) total = total + wide(Op::part(row(g, k), row(y, k)));
  for (int64_t k = 0; k < n; ++k) store(Op::slope(row(g, k), row(y, k), as<T>(total)), to + k * stride, width);
}

// rows(offset) for each dense row, or columns(offset, stride, width) for each group of columns, of a dense tensor.
template <class F, class Rows, class Columns> void each_group(const Shape& shape, int dim, Rows rows, Columns columns) {
  int64_t outer = 1, inner = 1;
  const int64_t n = shape.empty() ? 1 : shape[dim];
  for (int d = 0; d < shape.rank(); ++d)
    if (d != dim) (d < dim ? outer : inner) *= shape[d];
  if (n == 0) return;
  constexpr int64_t lanes = Pack<F>::size;
  const int64_t groups = inner == 1 ? 1 : (inner + lanes - 1) / lanes, all = outer * groups;
  const int64_t a_task = std::max<int64_t>(1, task_elements / (n * (inner == 1 ? 1 : lanes)));
  parallel_for((all + a_task - 1) / a_task, [&](int64_t t) {
    for (int64_t k = t * a_task; k < std::min(all, (t + 1) * a_task); ++k) {
      const int64_t column = k % groups * lanes;
      if (inner == 1) rows(k * n, n);
      else columns(k / groups * n * inner + column, n, inner, int(std::min(lanes, inner - column)));
    }
  });
}

// On a device the same formulas are made of tensors.
template <class Op> Tensor forward_there(const Tensor& x, int dim) {
  NoGrad quiet;
  if (x.numel() == 0) return zeros_like(x);
  const Tensor from_largest = sub(x, amax(x, {dim}, true)), total = sum(exp(from_largest), {dim}, true);
  return Op::value(from_largest, log(total), reciprocal(total));
}

template <class Op> Tensor forward(const Tensor& x, int dim) {
  if (!on_cpu(x)) return forward_there<Op>(x, dim);
  const Tensor from = dense(x);
  Tensor out = Tensor::empty_like(from);
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    const F* p = from.data<F>();
    F* q = out.mutable_data<F>();
    each_group<F>(
        x.shape(), dim, [=](int64_t at, int64_t n) { row_forward<Op>(p + at, n, q + at); },
        [=](int64_t at, int64_t n, int64_t stride, int width) {
          columns_forward<Op>(p + at, n, stride, width, q + at);
        });
  });
  return out;
}

template <class Op> Tensor backward(const Tensor& g, const Tensor& y, int dim) {
  if (recording(g, y) || !on_cpu(y)) return Op::slope(g, y, sum(Op::part(g, y), {dim}, true));
  const Tensor from = dense(g);
  Tensor out = Tensor::empty_like(y);
  visit_floating(y.dtype(), [&]<class F>(Type<F>) {
    const F *p = from.data<F>(), *q = y.data<F>();
    F* to = out.mutable_data<F>();
    each_group<F>(
        y.shape(), dim, [=](int64_t at, int64_t n) { row_backward<Op>(p + at, q + at, n, to + at); },
        [=](int64_t at, int64_t n, int64_t stride, int width) {
          columns_backward<Op>(p + at, q + at, n, stride, width, to + at);
        });
  });
  return out;
}

template <class Op> void record_normalised(const Tensor& x, Tensor& out, int dim) {
  record(Op::name, out, {&x}, [y = Saved(out.detach()), from = x.state()->node, dim](const Tensor& g, Gradients& to) {
    const auto again = [dim](const Tensor& x, Tensor& out) { record_normalised<Op>(x, out, dim); };
    to[0] = backward<Op>(g, NoGrad::active() ? y() : made_again(y(), from, again), dim);
  });
}
template <class Op> Tensor normalised(const Tensor& x, int64_t dim) {
  if (!computes(x.dtype()))
    throw DtypeError(
        fmt::format("{}: got {}, wanted float32 or float64; convert it with to()", Op::name, name_of(x.dtype())));
  const int axis = dimension(Op::name, dim, x.rank());
  Tensor out = forward<Op>(x, axis);
  if (recording(x)) record_normalised<Op>(x, out, axis);
  return out;
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim) { return normalised<Softmax>(x, dim); }
Tensor log_softmax(const Tensor& x, int64_t dim) { return normalised<LogSoftmax>(x, dim); }

}  // namespace gradus
