// Pearson's chi-squared divergence of two distributions.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct ChiSquared {
  static constexpr Input<ChiSquared> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "chi2_divergence",
      .family = "information",
      .tier = 3,
      .summary = "The squared difference of p and q, each weighed by how unlikely q holds the event.",
      .formula = "Σ (p - q)² / q over the last dimension",
      .gradient = "2 (p - q) / q, and 1 - (p / q)² to q",
      .edges =
          "infinity where q = 0 < p; p = q = 0 adds nothing and has the gradient of p = 0 < q; 1 - (p / q)² without "
          "cancellation",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[0.25, 0.75]]})", 0.33333333333333333, "by hand: 1/4 + 1/12"},
      {R"({"p": [[1.0, 0.0]], "q": [[0.5, 0.5]]})", 1.0, "by hand: 1/2 + 1/2"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants { T nothing; };

  // (p - q) / q; at p = q = 0 what it is for p = 0 and any q.
  template <class T> GRADUS_FN static T excess(T p, T q) {
    auto nothing = (p == 0.0) & (q == 0.0);
    return select(nothing, -1.0, (p - q) / select(nothing, 1.0, q));
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const { return {(p - q) * excess(p, q)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    return {s.sum, 1.0, {0.0}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T p, T q) const {
    T x = excess(p, q);
    return {{2.0 * x, -x * (2.0 + x)}};
  }
};
inline constexpr Loss<ChiSquared> chi2_divergence;

}  // namespace gradus
