// Total variation: half the absolute difference of two distributions.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct TotalVariation {
  static constexpr Input<TotalVariation> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "total_variation_distance",
      .family = "information",
      .tier = 3,
      .summary = "The largest difference between the probabilities that p and q give to one event.",
      .formula = "Σ |p - q| / 2 over the last dimension",
      .gradient = "sign(p - q) / 2",
      .kinks = "0 where p = q, so that the optimum has gradient 0",
      .edges = "p and q need not sum to 1",
      .aliases = "LK TVD",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5], [0.2, 0.8]], "q": [[1.0, 0.0], [0.2, 0.8]]})", 0.25, "by hand: (0.5 + 0) / 2"},
      {R"({"p": [[0.1, 0.2, 0.7]], "q": [[0.3, 0.3, 0.4]]})", 0.3, "by hand"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants { T nothing; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const { return {abs(p - q)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    return {0.5 * s.sum, 1.0, {0.0}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T p, T q) const {
    T g = 0.5 * sign(p - q);
    return {{g, -g}};
  }
};
inline constexpr Loss<TotalVariation> total_variation_distance;

}  // namespace gradus
