// Squared Hellinger distance of two distributions.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SquaredHellinger {
  static constexpr Input<SquaredHellinger> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "squared_hellinger",
      .family = "information",
      .tier = 3,
      .summary = "A bounded divergence: 0 for equal distributions, 1 for those that share no event.",
      .formula = "1 - Σ sqrt(p q) over the last dimension",
      .gradient = "-sqrt(q / p) / 2",
      .edges = "p = 0 < q, where the slope is infinite, has that of p = the dtype's epsilon; p = q = 0 has none",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[1.0, 0.0]]})", 0.29289321881345248, "by hand: 1 - sqrt(1/2)"},
      {R"({"p": [[0.1, 0.2, 0.7]], "q": [[0.3, 0.3, 0.4]]})", 0.05269568275187127, "mpmath"},
  };

  template <class T> struct State { T overlap = 0; };
  template <class T> struct Constants { T nothing; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const { return {Overlap<T>::of(p, q)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.overlap + b.overlap}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    return {1.0 - s.overlap, 1.0, {0.0}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T p, T q) const {
    return {{-Overlap<T>::slope(p, q), -Overlap<T>::slope(q, p)}};
  }
};
inline constexpr Loss<SquaredHellinger> squared_hellinger;

}  // namespace gradus
