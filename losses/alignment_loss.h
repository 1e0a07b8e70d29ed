// Alignment: positive pairs shall be mapped to nearby features.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Alignment {
  double alpha = 2;

  static constexpr Input<Alignment> inputs[] = {element("x1"), element("x2")};
  static constexpr Option<Alignment> options[] = {option("alpha", &Alignment::alpha, range::positive)};

  static constexpr About about = {
      .name = "alignment_loss",
      .family = "contrastive",
      .tier = 3,
      .summary =
          "How near the two features of a positive pair lie; the other half of a contrastive loss is uniformity_loss.",
      .formula = "|x1 - x2|^alpha over the last dimension",
      .gradient = "alpha |e|^(alpha - 2) e, e = x1 - x2",
      .kinks = "0 at e = 0, also for alpha < 1, where the slope there is infinite",
      .edges = "overflows only where the value does",
      .paper =
          "T. Wang, P. Isola, Understanding contrastive representation learning through alignment and uniformity, 2020",
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[3.0, 0.0], [1.0, 1.0]], "x2": [[0.0, 4.0], [1.0, 1.0]]})", 12.5, "by hand: (25 + 0) / 2"},
      {R"({"x1": [[3.0, 0.0]], "x2": [[0.0, 4.0]], "alpha": 3})", 125.0, "by hand: 5³"},
  };

  template <class T> struct State { RunningNorm<T> norm; };
  template <class T> struct Constants {
    RunningNorm<T> norm;
    T length, pull;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y) const { return {RunningNorm<T>::of(x - y)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningNorm<T>::merge(a.norm, b.norm, 2)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T d = s.norm.norm(2);
    if (alpha == 1) return {d, 1.0, {s.norm, d, 1.0}};
    if (alpha == 2) return {d * d, 1.0, {s.norm, d, 2.0 * d}};
    auto nothing = d == 0.0;
    T base = select(nothing, 1.0, d);
    return {select(nothing, 0.0, pow(base, T(alpha))),
            1.0,
            {s.norm, d, select(nothing, 0.0, alpha * pow(base, T(alpha - 1)))}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T y) const {
    T g = c.pull * c.norm.slope(x - y, c.length, 2);
    return {{g, -g}};
  }
};
inline constexpr Loss<Alignment> alignment_loss;

}  // namespace gradus
