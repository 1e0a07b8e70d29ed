// Folding dimensions of a tensor into one value each: the loops behind sum, prod, max, norm …
//
// A fold is a struct with `start`, `join(a, b)` of two partial results, and `lift(x, about)`, what one element brings
// in; `about` is a number per result that an earlier fold found, such as the mean.  Partial results are float64, and
// how they are joined depends on the shape alone, so that no result depends on the number of threads.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "gradus/core/device_elements.h"
#include "gradus/core/monoids.h"
#include "gradus/core/number.h"
#include "gradus/core/tensor.h"
#include "gradus/core/threads.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/staging.h"

namespace gradus {

// Which dimensions are folded, and what is left.
struct Folding {
  bool folded[Shape::max_rank] = {};
  Shape wide;         // folded dimensions have extent 1
  Shape shape;        // of the result: wide, or without them
  int64_t count = 1;  // how many elements are folded into one
};
// IndexError names op and dim when one of `dims` does not exist or is named twice.
Folding folding(const char* op, const Tensor& x, const std::vector<int64_t>& dims, bool keepdim);
Folding folding_of_all(const Tensor& x);

namespace folds {

// Joins what another fold has lifted.
template <class Fold> struct Lifted : Fold {
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return x; }
};

template <class F> using Pack = Num<F, pack_lanes<F>>;
template <class F> using Wide = Num<double, pack_lanes<F>>;

// All of n elements into one.
template <class Fold, class F> double row(Fold fold, const F* x, int64_t n, double about) {
  using W = Wide<F>;
  constexpr int lanes = W::size;
  const W centre = about;
  W sum = Fold::start;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = Fold::join(sum, fold.lift(Pack<F>::load(x + i), centre));
  if (i < n) {
    W last = fold.lift(Pack<F>::load_first(x + i, int(n - i)), centre);
    for (int j = int(n - i); j < lanes; ++j) last.set(j, Fold::start);
    sum = Fold::join(sum, last);
  }
  double lane[lanes];
  sum.store(lane);
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] = Fold::join(Num<double>(lane[j]), Num<double>(lane[j + half])).v;
  return lane[0];
}

// into[i] joined with x[r][i], for all rows r in order; four rows at a time, so that `into` is read and written less.
template <class Fold, class F>
void rows(Fold fold, const F* x, int64_t count, int64_t width, int64_t stride, const double* about, double* into) {
  using W = Wide<F>;
  constexpr int lanes = W::size;
  const auto step = [&]<int several>(int64_t r, std::integral_constant<int, several>) {
    const F* from = x + r * stride;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      W sum = W::load(into + i);
      const W centre = about ? W::load(about + i) : W(0.0);
      for (int k = 0; k < several; ++k) sum = Fold::join(sum, fold.lift(Pack<F>::load(from + k * stride + i), centre));
      sum.store(into + i);
    }
    if (const int rest = int(width - i)) {
      W sum = W::load_first(into + i, rest);
      const W centre = about ? W::load_first(about + i, rest) : W(0.0);
      for (int k = 0; k < several; ++k)
        sum = Fold::join(sum, fold.lift(Pack<F>::load_first(from + k * stride + i, rest), centre));
      sum.store_first(into + i, rest);
    }
  };
  int64_t r = 0;
  for (; r + 4 <= count; r += 4) step(r, std::integral_constant<int, 4>{});
  for (; r < count; ++r) step(r, std::integral_constant<int, 1>{});
}

// The same for dense rows; narrow ones are taken several at a time, as one long row, to fill the lanes.
template <class Fold, class F>
void dense_rows(Fold fold, const F* x, int64_t count, int64_t width, const double* about, double* into) {
  constexpr int64_t long_row = 64;
  const int64_t several = long_row / width;
  if (several < 2 || count < 2 * several) return rows(fold, x, count, width, width, about, into);
  double sums[long_row], centres[long_row];
  std::fill_n(sums, several * width, Fold::start);
  for (int64_t i = 0; about && i < several * width; ++i) centres[i] = about[i % width];
  rows(fold, x, count / several, several * width, several * width, about ? centres : nullptr, sums);
  rows(Lifted<Fold>{fold}, sums, several, width, width, nullptr, into);
  rows(fold, x + count / several * several * width, count % several, width, width, about, into);
}

// y[o] = the fold of x[o][0 … n-1].
template <class Fold, class F>
void last(Fold fold, const F* x, const double* about, int64_t outer, int64_t n, double* y) {
  const auto centre = [=](int64_t o) { return about ? about[o] : 0.0; };
  if (n <= task_elements) {
    const int64_t rows_a_task = task_elements / std::max<int64_t>(n, 1);
    return parallel_for((outer + rows_a_task - 1) / rows_a_task, [&](int64_t t) {
      for (int64_t o = t * rows_a_task; o < std::min(outer, (t + 1) * rows_a_task); ++o)
        y[o] = row(fold, x + o * n, n, centre(o));
    });
  }
  const int64_t pieces = (n + task_elements - 1) / task_elements;
  std::vector<double> parts(size_t(outer * pieces));
  parallel_for(outer * pieces, [&](int64_t t) {
    const int64_t o = t / pieces, from = t % pieces * task_elements;
    parts[size_t(t)] = row(fold, x + o * n + from, std::min(task_elements, n - from), centre(o));
  });
  for (int64_t o = 0; o < outer; ++o) y[o] = row(Lifted<Fold>{fold}, parts.data() + o * pieces, pieces, 0);
}

// y[o][i] = the fold of x[o][0 … n-1][i].
template <class Fold, class F>
void middle(Fold fold, const F* x, const double* about, int64_t outer, int64_t n, int64_t inner, double* y) {
  if (inner == 1) return last(fold, x, about, outer, n, y);
  constexpr int64_t widest = 1024;  // columns a task takes: their sums stay in the first-level cache
  const int64_t slices = (inner + widest - 1) / widest;
  const int64_t segment = std::max<int64_t>(64, 4 * task_elements / std::clamp<int64_t>(inner, 1, widest));
  const int64_t segments = std::max<int64_t>(1, (n + segment - 1) / segment);
  std::vector<double> parts(segments > 1 ? size_t(outer * segments * inner) : 0);
  double* sums = segments > 1 ? parts.data() : y;
  std::fill_n(sums, outer * segments * inner, Fold::start);
  parallel_for(outer * segments * slices, [&](int64_t t) {
    const int64_t o = t / (segments * slices), s = t / slices % segments, column = t % slices * widest;
    const int64_t first = s * segment, count = std::min(segment, n - first), width = std::min(widest, inner - column);
    const F* from = x + (o * n + first) * inner + column;
    const double* centres = about ? about + o * inner + column : nullptr;
    double* into = sums + (o * segments + s) * inner + column;
    if (slices == 1) dense_rows(fold, from, count, inner, centres, into);
    else rows(fold, from, count, width, inner, centres, into);
  });
  if (segments == 1) return;
  std::fill_n(y, outer * inner, Fold::start);
  for (int64_t o = 0; o < outer; ++o)
    rows(Lifted<Fold>{fold}, sums + o * segments * inner, segments, inner, inner, nullptr, y + o * inner);
}

// The same for integers, whose order does not matter.
template <class Fold, class E> void integers(const E* x, int64_t outer, int64_t n, int64_t inner, int64_t* y) {
  const int64_t a_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(n * inner, 1));
  parallel_for((outer + a_task - 1) / a_task, [&](int64_t t) {
    for (int64_t o = t * a_task; o < std::min(outer, (t + 1) * a_task); ++o) {
      const E* block = x + o * n * inner;
      int64_t* into = y + o * inner;
      if (inner == 1) {
        int64_t total = *into;
        for (int64_t k = 0; k < n; ++k) total = Fold::integer(total, int64_t(block[k]));
        *into = total;
        continue;
      }
      for (int64_t k = 0; k < n; ++k)
        for (int64_t i = 0; i < inner; ++i) into[i] = Fold::integer(into[i], int64_t(block[k * inner + i]));
    }
  });
}

// Calls pass(current, next, outer, n, inner) for each run of neighbouring folded dimensions, the last one first; with
// none, once with n = 1.  Results have dtype `result`.
template <class Pass> Tensor each_run(Tensor current, const Folding& r, Dtype result, Pass pass) {
  const auto advance = [&](int first, int last) {
    Shape shape = current.shape();
    int64_t outer = 1, n = 1, inner = 1;
    for (int d = 0; d < shape.rank(); ++d) (d < first ? outer : d <= last ? n : inner) *= shape[d];
    for (int d = first; d <= last; ++d) shape[d] = 1;
    Tensor next(shape, result);
    pass(current, next, outer, n, inner);
    current = next;
  };
  bool ran = false;
  for (int last = current.rank() - 1; last >= 0; --last) {
    if (!r.folded[last]) continue;
    int first = last;
    while (first > 0 && r.folded[first - 1]) --first;
    advance(first, last);
    last = first;
    ran = true;
  }
  if (!ran) advance(0, -1);
  return current;
}

}  // namespace folds

// The fold of a float tensor, as float64 of shape r.wide.  `about`, when given, is float64 of that shape.
template <class Fold> Tensor fold(Fold fold, const Tensor& x, const Folding& r, const Tensor& about = Tensor()) {
  bool lifted = false;
  return folds::each_run(
      dense(x), r, Dtype::float64, [&](const Tensor& from, Tensor& to, int64_t outer, int64_t n, int64_t inner) {
        double* y = to.mutable_data<double>();
        if (lifted) return folds::middle(folds::Lifted<Fold>{fold}, from.data<double>(), nullptr, outer, n, inner, y);
        const Tensor centres =
            about.defined() ? dense(about.alias(to.shape(), broadcast_strides(about, to.shape()))) : about;
        const double* c = about.defined() ? centres.data<double>() : nullptr;
        visit_floating(from.dtype(),
                       [&]<class F>(Type<F>) { folds::middle(fold, from.data<F>(), c, outer, n, inner, y); });
        lifted = true;
      });
}

// The fold of an integer or bool tensor, as int64 of shape r.wide.
template <class Fold> Tensor fold_integers(const Tensor& x, const Folding& r) {
  if (!on_cpu(x)) return device_reduce("fold", Fold::id, x, r.wide);
  return folds::each_run(dense(x), r, Dtype::int64,
                         [&](const Tensor& from, Tensor& to, int64_t outer, int64_t n, int64_t inner) {
                           int64_t* y = to.mutable_data<int64_t>();
                           std::fill_n(y, outer * inner, Fold::integer_start);
                           visit(from.dtype(), [&]<class E>(Type<E>) {
                             if constexpr (std::is_integral_v<E>)
                               folds::integers<Fold>(from.data<E>(), outer, n, inner, y);
                           });
                         });
}

}  // namespace gradus
