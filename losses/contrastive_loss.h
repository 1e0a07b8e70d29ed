// Contrastive loss: similar pairs together, dissimilar ones at least a margin apart.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Contrastive {
  Param margin = 1.0;
  double power = 2, eps = 0;
  bool half = false;

  using Self = Contrastive;
  static constexpr Input<Self> inputs[] = {element("x1"), element("x2"), any_dtype(row("target", range::unit)),
                                           scalar("margin", &Self::margin, range::non_negative)};
  static constexpr Option<Self> options[] = {option("power", &Self::power, {1, range::inf}),
                                             option("half", &Self::half),
                                             option("eps", &Self::eps, range::non_negative)};

  static constexpr About about = {
      .name = "contrastive_loss",
      .family = "metric learning",
      .summary =
          "Pulls similar pairs (target 1) together and pushes dissimilar ones (target 0) apart until their distance "
          "is the margin.",
      .formula =
          "y d^power + (1 - y) [margin - d]+^power, d = |x1 - x2 + eps| over the last dimension; half of it with "
          "`half`",
      .gradient = "(y q d^(q-1) - (1 - y) q [margin - d]+^(q-1)) (x1 - x2) / d, q the power",
      .kinks =
          "0 at d = 0: a dissimilar pair in one point never separates, unless eps > 0; with power 1, 0 at d = margin",
      .edges = "soft targets between 0 and 1 are weights; the distance neither overflows nor underflows",
      .paper = "R. Hadsell et al., Dimensionality reduction by learning an invariant mapping, 2006 (with half)",
      .aliases = "PML ContrastiveLoss; pairwise_ranking_loss = power 1",
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[3.0, 4.0], [0.0, 0.0]], "x2": [[0.0, 0.0], [0.3, 0.4]], "target": [1, 0]})", 12.625,
       "by hand: (25 + 0.25) / 2"},
      {R"({"x1": [[3.0, 4.0]], "x2": [[0.0, 0.0]], "target": [0.5], "power": 1, "margin": 6})", 3.0,
       "by hand: 0.5 * 5 + 0.5 * 1"},
  };

  template <class T> struct State { RunningNorm<T> norm; };
  template <class T> struct Constants {
    RunningNorm<T> norm;
    T length, pull, by_target, by_margin;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y, T, T) const {
    return {RunningNorm<T>::of(x - y + eps)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningNorm<T>::merge(a.norm, b.norm, 2)};
  }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    return {RunningNorm<T>::of_all(
        [&](auto add) { columns.each([&](Column<T>, T x, T y, T, T) { add(x - y + eps); }); }, 2)};
  }
  template <class T> struct Power { T value, slope; };
  template <class T> GRADUS_FN Power<T> powered(T x) const {  // of x >= 0; where x is 0, so is the slope
    if (power == 1) return {x, select(x > 0.0, T(1.0), 0.0)};
    if (power == 2) return {x * x, 2.0 * x};
    auto nothing = x == 0.0;
    T base = select(nothing, 1.0, x);
    return {select(nothing, 0.0, pow(base, T(power))), select(nothing, 0.0, power * pow(base, T(power - 1)))};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T target, T margin) const {
    T d = s.norm.norm(2), scale = half ? 0.5 : 1.0;
    auto near = powered(d), far = powered(positive(margin - d));
    auto lost = (target == 0.0) & !(near.value < T::highest());  // nothing times an overflow is nothing
    T together = select(lost, 0.0, target * near.value);
    T pull = select(lost, 0.0, target * near.slope) - (1.0 - target) * far.slope;
    return {scale * (together + (1.0 - target) * far.value),
            1.0,
            {s.norm, d, scale * pull, scale * (near.value - far.value), scale * (1.0 - target) * far.slope}};
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T x, T y, T, T) const {
    T g = c.pull * c.norm.slope(x - y + eps, c.length, 2);
    auto first = at.index == 0;
    return {{g, -g, select(first, c.by_target, 0.0), select(first, c.by_margin, 0.0)}};
  }
};
inline constexpr Loss<Contrastive> contrastive_loss;

}  // namespace gradus
