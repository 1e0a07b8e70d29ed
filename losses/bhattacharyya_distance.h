// Bhattacharyya distance of two distributions.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Bhattacharyya {
  static constexpr Input<Bhattacharyya> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "bhattacharyya_distance",
      .family = "information",
      .tier = 3,
      .summary = "Minus the logarithm of how much two distributions overlap.",
      .formula = "-log Σ sqrt(p q) over the last dimension",
      .gradient = "-sqrt(q / p) / (2 Σ sqrt(p q))",
      .edges =
          "infinity, with gradient 0, where p and q share nothing; 0 is returned at p = 0 < q, where the slope is "
          "infinite",
      .paper = "A. Bhattacharyya, On a measure of divergence between two statistical populations, 1943",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[1.0, 0.0]]})", 0.34657359027997265, "by hand: log(2) / 2"},
      {R"({"p": [[0.1, 0.2, 0.7]], "q": [[0.3, 0.3, 0.4]]})", 0.054134888686644332, "mpmath"},
  };

  template <class T> struct State { T overlap = 0; };
  template <class T> struct Constants { T weight; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const { return {Overlap<T>::of(p, q)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.overlap + b.overlap}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    auto apart = s.overlap == 0.0;
    T sum = select(apart, 1.0, s.overlap);
    return {select(apart, T::infinity(), -log(sum)), 1.0, {select(apart, 0.0, -1.0 / sum)}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T p, T q) const {
    return {{c.weight * Overlap<T>::slope(p, q), c.weight * Overlap<T>::slope(q, p)}};
  }
};
inline constexpr Loss<Bhattacharyya> bhattacharyya_distance;

}  // namespace gradus
