#include "gradus/ops/extreme.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/fold.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

// The extremes over the folded dimensions, of shape f.wide: in x's dtype, or int64.
template <class Fold> Tensor extremes(const char* op, const Tensor& x, const Folding& f) {
  if (f.count == 0)
    throw ShapeError(fmt::format("{}: got shape {}, wanted at least one element to choose from", op, text(x.shape())));
  if (computes(x.dtype()))
    return on_cpu(x) ? to(fold(Fold{}, x, f), x.dtype()) : device_reduce(op, Fold::id, x, f.wide);
  if (!is_floating(x.dtype())) return fold_integers<Fold>(x, f);
  throw DtypeError(fmt::format("{}: got {}, wanted float32, float64, integers or bool; convert it with to()", op,
                               name_of(x.dtype())));
}

Tensor spread(const Tensor& g, const Folding& f, const Shape& shape) { return expand(reshape(g, f.wide), shape); }

// Where x has its extreme value; where that is NaN, all NaN have it.
Tensor holders(const Tensor& x, const Tensor& extreme) {
  const Tensor same = eq(x, extreme);
  return any(isnan(extreme)).item() != 0 ? logical_or(same, isnan(x)) : same;
}

template <class Fold> Tensor evenly(const char* op, const Tensor& x, const Folding& f) {
  const Tensor wide = extremes<Fold>(op, x, f);
  Tensor out = wide.alias(f.shape, dense_strides(f.shape));
  if (recording(x))
    record(op, out, {&x}, [f, x = Saved(x.detach()), y = Saved(wide)](const Tensor& g, Gradients& to) {
      const Tensor mask = holders(x(), y());
      std::vector<int64_t> dims;
      for (int d = 0; d < mask.rank(); ++d)
        if (f.folded[d]) dims.push_back(d);
      const Tensor count = gradus::to(sum(mask, dims, true), g.dtype());
      to[0] = where(mask, spread(div(reshape(g, f.wide), count), f, x().shape()), 0);
    });
  return out;
}

// The first k with x[o][k][i] == extreme[o][i], or with NaN where that is the extreme.
template <class E>
void find_first(const E* x, const E* extreme, int64_t outer, int64_t n, int64_t inner, int64_t* index) {
  const auto found = [](E v, E wanted) { return v == wanted || v != v; };  // a NaN in x is the extreme
  const int64_t outer_a_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(n * inner, 1));
  parallel_for((outer + outer_a_task - 1) / outer_a_task, [&](int64_t t) {
    for (int64_t o = t * outer_a_task; o < std::min(outer, (t + 1) * outer_a_task); ++o) {
      const E *block = x + o * n * inner, *wanted = extreme + o * inner;
      int64_t* to = index + o * inner;
      if (inner == 1) {
        for (*to = 0; !found(block[*to], *wanted);) ++*to;
        continue;
      }
      for (int64_t k = n - 1; k >= 0; --k)
        for (int64_t i = 0; i < inner; ++i)
          if (found(block[k * inner + i], wanted[i])) to[i] = k;
    }
  });
}

// The indices, of shape f.wide, along the one folded dimension, or in row-major order where all are folded.
Tensor indices_of(const Tensor& x, const Tensor& extreme, const Folding& f, int dim) {
  const Tensor from = x.dtype() == extreme.dtype() ? dense(x) : to(x.detach(), extreme.dtype());
  if (!on_cpu(x)) return device_find("argmax", from, extreme);
  Tensor out(f.wide, Dtype::int64);
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < x.rank(); ++d)
    if (!f.folded[d]) (d < dim ? outer : inner) *= x.shape()[d];
  visit(extreme.dtype(), [&]<class E>(Type<E>) {
    if constexpr (std::is_arithmetic_v<E>)
      find_first(from.data<E>(), extreme.data<E>(), outer, f.count, inner, out.mutable_data<int64_t>());
  });
  return out;
}

// 0 … n-1 along `dim` of a tensor of this rank.
Tensor positions(int64_t n, int dim, int rank) {
  Shape shape = Shape::filled(rank, 1);
  if (rank > 0) shape[dim] = n;
  Tensor out(shape, Dtype::int64);
  int64_t* to = out.mutable_data<int64_t>();
  for (int64_t i = 0; i < out.numel(); ++i) to[i] = i;
  return out;
}

template <class Fold> Extreme along(const char* op, const Tensor& x, int64_t asked, bool keepdim) {
  const int dim = dimension(op, asked, x.rank());
  const Folding f = folding(op, x, {dim}, keepdim);
  const Tensor wide = extremes<Fold>(op, x, f), index = indices_of(x, wide, f, dim);
  Tensor values = wide.alias(f.shape, dense_strides(f.shape));
  if (recording(x))
    record(op, values, {&x}, [f, index = Saved(index), from = x.shape(), dim](const Tensor& g, Gradients& to) {
      const Tensor chosen = eq(gradus::to(positions(f.count, dim, from.rank()), g.device()), index());
      to[0] = where(chosen, spread(g, f, from), 0);
    });
  return {values, index.alias(f.shape, dense_strides(f.shape))};
}

template <class Fold> Tensor argument(const char* op, const Tensor& x, const Folding& f, int dim) {
  const Tensor index = indices_of(x, extremes<Fold>(op, x, f), f, dim);
  return index.alias(f.shape, dense_strides(f.shape));
}
template <class Fold> Tensor argument(const char* op, const Tensor& x, int64_t asked, bool keepdim) {
  const int dim = dimension(op, asked, x.rank());
  return argument<Fold>(op, x, folding(op, x, {dim}, keepdim), dim);
}

struct Any {
  static constexpr Monoid id = Monoid::sum;  // of truths
  static constexpr int64_t integer_start = 0;
  static int64_t integer(int64_t a, int64_t b) { return a | b; }
};
struct All {
  static constexpr Monoid id = Monoid::prod;
  static constexpr int64_t integer_start = 1;
  static int64_t integer(int64_t a, int64_t b) { return a & b; }
};
template <class Fold> Tensor truth(const Tensor& x, const Folding& f) {
  const Tensor mask = x.dtype() == Dtype::boolean ? x : ne(x, 0);
  return to(reshape(fold_integers<Fold>(mask, f), f.shape), Dtype::boolean);
}

}  // namespace

Tensor max(const Tensor& x) { return evenly<folds::Max>("max", x, folding_of_all(x)); }
Tensor min(const Tensor& x) { return evenly<folds::Min>("min", x, folding_of_all(x)); }
Tensor amax(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return evenly<folds::Max>("amax", x, folding("amax", x, dims, keepdim));
}
Tensor amin(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return evenly<folds::Min>("amin", x, folding("amin", x, dims, keepdim));
}

Extreme max(const Tensor& x, int64_t dim, bool keepdim) { return along<folds::Max>("max", x, dim, keepdim); }
Extreme min(const Tensor& x, int64_t dim, bool keepdim) { return along<folds::Min>("min", x, dim, keepdim); }

Tensor argmax(const Tensor& x) { return argument<folds::Max>("argmax", x, folding_of_all(x), 0); }
Tensor argmin(const Tensor& x) { return argument<folds::Min>("argmin", x, folding_of_all(x), 0); }
Tensor argmax(const Tensor& x, int64_t dim, bool keepdim) { return argument<folds::Max>("argmax", x, dim, keepdim); }
Tensor argmin(const Tensor& x, int64_t dim, bool keepdim) { return argument<folds::Min>("argmin", x, dim, keepdim); }

Tensor any(const Tensor& x) { return truth<Any>(x, folding_of_all(x)); }
Tensor any(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return truth<Any>(x, folding("any", x, dims, keepdim));
}
Tensor all(const Tensor& x) { return truth<All>(x, folding_of_all(x)); }
Tensor all(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  return truth<All>(x, folding("all", x, dims, keepdim));
}

}  // namespace gradus
