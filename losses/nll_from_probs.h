// Negative log-likelihood of probabilities, with a small number added to keep the logarithm finite.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct NegativeLogOfProbabilities {
  double eps = 1e-8;

  using Self = NegativeLogOfProbabilities;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), label<Self>("target", nullptr)};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::non_negative)};

  static constexpr About about = {
      .name = "nll_from_probs",
      .family = "classification",
      .summary = "Negative log-likelihood for a model that ends in softmax; prefer cross_entropy, which needs no eps.",
      .formula = "-log(p_y + eps) over the classes of dimension 1",
      .gradient = "-1 / (p_y + eps) at the class y, 0 at the others",
      .edges = "biased: a perfect prediction costs -log(1 + eps); at p_y = 0 the value is -log eps, infinite for eps 0",
      .aliases = "log_eps_nll; NLLLoss(log(p+eps))",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.25, 0.75], [0.5, 0.5]], "target": [1, 0], "eps": 0.0})", 0.49041462650586315,
       "mpmath: (log(4/3) + log 2) / 2"},
      {R"({"input": [[1.0, 0.0]], "target": [1]})", 18.420680743952367, "mpmath: 8 log 10"},
  };

  int64_t class_axis() const { return 1; }

  template <class T> struct State { T p = 0; };  // of the target class
  template <class T> struct Constants { T slope; };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T p, Index<T> y) const {
    return {select(at.index == y, p, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.p + b.p}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    auto large = s.p > 0.5;  // where 1 + eps would lose eps
    T rest = log1p(select(large, (s.p - 1.0) + eps, 0.0));
    return {-select(large, rest, log(s.p + eps)), 1.0, {-1.0 / (s.p + eps)}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T, Index<T> y) const {
    return {{select(at.index == y, c.slope, 0.0)}};
  }
};
inline constexpr Loss<NegativeLogOfProbabilities> nll_from_probs;

}  // namespace gradus
