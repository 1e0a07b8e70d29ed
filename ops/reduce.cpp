#include "gradus/ops/reduce.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// y[o][i] = Σ_n x[o][n][i], dense.  Rows are added in segments whose sums join in order.
template <class F> void sum_middle(const F* x, int64_t outer, int64_t n, int64_t inner, F* y) {
  constexpr int64_t slice = 512;
  if (inner == 1) {
    constexpr int64_t piece = 4096;
    const int64_t pieces = std::max<int64_t>(1, (n + piece - 1) / piece), rows_a_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(n, 1));
    const auto part = [=](int64_t o, int64_t p) { return sum_of(x + o * n + p * piece, std::min(piece, n - p * piece)); };
    if (pieces == 1) {
      parallel_for((outer + rows_a_task - 1) / rows_a_task, [&](int64_t t) {
        for (int64_t o = t * rows_a_task; o < std::min(outer, (t + 1) * rows_a_task); ++o) y[o] = F(part(o, 0));
      });
      return;
    }
    std::vector<double> parts(static_cast<size_t>(outer * pieces));
    parallel_for(outer * pieces, [&](int64_t t) { parts[t] = part(t / pieces, t % pieces); });
    for (int64_t o = 0; o < outer; ++o) y[o] = F(tree_sum(o * pieces, (o + 1) * pieces, [&](int64_t i) { return parts[i]; }));
    return;
  }
  const int64_t slices = (inner + slice - 1) / slice;
  const int64_t segment = std::max<int64_t>(64, task_elements / std::min(inner, slice)), segments = std::max<int64_t>(1, (n + segment - 1) / segment);
  std::vector<double> parts(static_cast<size_t>(outer * segments * inner));
  parallel_for(outer * segments * slices, [&](int64_t t) {
    const int64_t o = t / (segments * slices), s = t / slices % segments, from = t % slices * slice, width = std::min(slice, inner - from);
    double* into = parts.data() + (o * segments + s) * inner + from;
    for (int64_t r = s * segment; r < std::min(n, (s + 1) * segment); ++r) {
      const F* row = x + (o * n + r) * inner + from;
      for (int64_t i = 0; i < width; ++i) into[i] += double(row[i]);
    }
  });
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      y[o * inner + i] = F(tree_sum(0, segments, [&](int64_t s) { return parts[(o * segments + s) * inner + i]; }));
}

// The sum over the dimensions marked in `reduced`, which stay with extent 1.
Tensor sum_marked(const Tensor& x, const bool* reduced) {
  Tensor current = dense(x);
  for (int last = x.rank() - 1; last >= 0; --last) {
    if (!reduced[last]) continue;
    int first = last;
    while (first > 0 && reduced[first - 1]) --first;
    const Shape& s = current.shape();
    int64_t outer = 1, n = 1, inner = 1;
    Shape shape = s;
    for (int d = 0; d < s.rank(); ++d) (d < first ? outer : d <= last ? n : inner) *= s[d];
    for (int d = first; d <= last; ++d) shape[d] = 1;
    Tensor next(shape, x.dtype());
    visit_floating(x.dtype(), [&]<class F>(Type<F>) { sum_middle(current.data<F>(), outer, n, inner, next.mutable_data<F>()); });
    current = next;
    last = first;
  }
  return current;
}

void mark_all(const char* op, const Tensor& x, const std::vector<int64_t>& dims, bool* reduced) {
  for (int64_t dim : dims) {
    const int d = dimension(op, dim, x.rank());
    if (reduced[d]) throw IndexError(fmt::format("{}: dim {} is named twice; name each dimension once", op, dim));
    reduced[d] = true;
  }
}

void check_floating(const char* op, const Tensor& x) {
  if (!computes(x.dtype())) throw DtypeError(fmt::format("{}: got {}, wanted float32 or float64; convert it with to()", op, name_of(x.dtype())));
}

// Sums the marked dimensions, times a factor, and records that under `op`.
Tensor reduce(const char* op, const Tensor& x, const bool* reduced, bool keepdim, double factor) {
  check_floating(op, x);
  Tensor kept;
  {
    NoGrad quiet;
    kept = sum_marked(x, reduced);
    if (kept.same_storage(x)) kept = kept.alias(kept.shape(), kept.strides());  // nothing reduced: a tensor of its own
    if (factor != 1) kept = scaled(kept, factor);
  }
  Shape shape;
  for (int d = 0; d < x.rank(); ++d)
    if (keepdim || !reduced[d]) shape.push_back(kept.shape()[d]);
  Tensor out = kept.alias(shape, dense_strides(shape));
  if (recording(x))
    record(op, out, {&x}, [from = x.shape(), wide = kept.shape(), factor](const Tensor& g, Gradients& to) {
      const Tensor scaled_g = factor == 1 ? g : scaled(g, factor);
      to[0] = expand(reshape(scaled_g, wide), from);
    });
  return out;
}

int64_t reduced_count(const Tensor& x, const bool* reduced) {
  int64_t n = 1;
  for (int d = 0; d < x.rank(); ++d)
    if (reduced[d]) n *= x.shape()[d];
  return n;
}

}  // namespace

Tensor sum(const Tensor& x) {
  const bool all[Shape::max_rank] = {true, true, true, true, true, true, true, true};
  return reduce("sum", x, all, false, 1);
}
Tensor sum(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  bool reduced[Shape::max_rank] = {};
  mark_all("sum", x, dims, reduced);
  return reduce("sum", x, reduced, keepdim, 1);
}
Tensor mean(const Tensor& x) {
  const bool all[Shape::max_rank] = {true, true, true, true, true, true, true, true};
  return reduce("mean", x, all, false, 1.0 / double(x.numel()));
}
Tensor mean(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  bool reduced[Shape::max_rank] = {};
  mark_all("mean", x, dims, reduced);
  return reduce("mean", x, reduced, keepdim, 1.0 / double(reduced_count(x, reduced)));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  bool reduced[Shape::max_rank] = {};
  const int shift = x.rank() - shape.rank();
  for (int d = 0; d < x.rank(); ++d) reduced[d] = d < shift || (shape[d - shift] == 1 && x.shape()[d] != 1);
  return reshape(reduce("sum", x, reduced, true, 1), shape);
}

}  // namespace gradus
