// What a unit needs that describes tensor ops like losses: the entry of a struct with `compose`, and the lists that the
// units give to the registry.  Only those units include it.
#pragma once
#include <vector>

#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/compile.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/ranges.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"

namespace gradus::composing {

using compiling::Given;

// The entry of L, which its unit alone may know.
template <class... L> const LossEntry& entry() {
  static constexpr Loss<L...> loss;
  static const LossEntry value = compiling::loss_entry(&loss);
  return value;
}
template <class... L> std::vector<const LossEntry*> entries() { return {&entry<L>()...}; }

// By unit.
std::vector<const LossEntry*> general();
std::vector<const LossEntry*> classification();
std::vector<const LossEntry*> distillation();
std::vector<const LossEntry*> images();
std::vector<const LossEntry*> margins();
std::vector<const LossEntry*> metric_learning();
std::vector<const LossEntry*> policies();
std::vector<const LossEntry*> regularisers();

// ---- what several of them are made of -----------------------------------------------------------

// t log q, which is 0 where t is 0, even where q is.
inline Tensor weighed_log(const Tensor& t, const Tensor& log_q) {
  const Tensor off = eq(t.detach(), 0);
  return where(off, 0, mul(t, where(off, 0, log_q)));
}
// e²/2 up to delta, from there on straight.
inline Tensor huber(const Tensor& difference, double delta) {
  const Tensor distance = abs(difference), bent = clamp(distance, {}, delta);
  return mul(bent, sub(distance, scaled(bent, 0.5)));
}
// exp(d) - d - 1, for small d by its series.
inline Tensor exp_above_tangent(const Tensor& d) {
  const Tensor small = lt(abs(d.detach()), 0.03), s = where(small, d, 0);
  const Tensor tail = shifted(mul(s, shifted(scaled(s, 1.0 / 720), 1.0 / 120)), 1.0 / 24);
  const Tensor series = mul(square(s), shifted(mul(s, shifted(mul(s, tail), 1.0 / 6)), 0.5));
  const Tensor steep = gt(d.detach(), 100);  // where d no longer shows, and where it may be infinite
  return where(small, series, sub(expm1(d), where(steep, 0, d)));
}
// |x|^p for p >= 1.
inline Tensor abs_power(const Tensor& x, double p) { return p == 1 ? abs(x) : p == 2 ? square(x) : pow(abs(x), p); }
// Σ values over their number, or over 1 where there are none.
inline Tensor mean_or_zero(const Tensor& values) {
  return divided(sum(values), double(std::max<int64_t>(1, values.numel())));
}
// a / b, and 0 without a slope where b is 0.
inline Tensor ratio_or_zero(const Tensor& a, const Tensor& b) {
  const Tensor off = eq(b.detach(), 0);
  return where(off, 0, div(a, where(off, 1, b)));
}
// The rows of x with norm 1; a row of zeros stays.
inline Tensor unit_rows(const Tensor& x) { return ratio_or_zero(x, norm(x, 2, {-1}, true)); }
// The rows of x (N,C) without their entry at the label: (N,C-1).
inline Tensor without(const Tensor& x, const Tensor& label) {
  const Tensor column = to(arange(x.size(1) - 1), x.device());
  const Tensor index = add(column, to(ge(column, unsqueeze(to(label, Dtype::int64), 1)), Dtype::int64));
  return gather(x, 1, index);
}
// Each row's entry at its label: (N,C) -> (N).
inline Tensor at_label(const Tensor& x, const Tensor& label) {
  return squeeze(gather(x, 1, unsqueeze(to(label, Dtype::int64), 1)), 1);
}
// Each row's cross-entropy with its label: (N,C) -> (N).  A single class is certain: 0.
inline Tensor cross_entropy_of_rows(const Tensor& x, const Tensor& label) {
  if (x.numel() == 0 || x.size(1) == 1) return scaled(sum(x, {1}), 0);
  return softplus(sub(logsumexp(without(x, label), {1}), at_label(x, label)), 1, range::inf);
}
// Is it the same row and column?  (N,N)
inline Tensor on_diagonal(int64_t n, Device device) {
  const Tensor i = to(arange(n), device);
  return eq(unsqueeze(i, 0), unsqueeze(i, 1));
}

}  // namespace gradus::composing
