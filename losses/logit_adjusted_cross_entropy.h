// Logit-adjusted cross-entropy: softmax cross-entropy that takes the classes' own frequencies into account.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct LogitAdjustedCrossEntropy {
  double tau = 1;

  using Self = LogitAdjustedCrossEntropy;
  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr),
                                           constant(column("prior", range::non_negative))};
  static constexpr Option<Self> options[] = {option("tau", &Self::tau, range::non_negative)};

  static constexpr About about = {
      .name = "logit_adjusted_cross_entropy",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy for classes of very different size: rare ones must win by a larger margin.",
      .formula = "cross-entropy of x + tau log(prior) over the classes of dimension 1",
      .gradient = "softmax(x + tau log prior)_k - [k = y]",
      .edges =
          "the prior may be counts, since a common factor cancels; a class of prior 0 cannot be, and costs infinity "
          "as a label, but for tau 0",
      .paper = "A. Menon et al., Long-tail Learning via Logit Adjustment, 2021",
      .aliases = "balanced softmax (tau 1); logit_adjusted_ce",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [0], "prior": [0.25, 0.75]})", 1.3862943611198906, "by hand: log 4"},
      {R"({"input": [[1.0, 2.0, 3.0]], "target": [1], "prior": [0.5, 0.3, 0.2], "tau": 0.5})", 1.3068176548786693,
       "mpmath"},
  };

  int64_t class_axis() const { return 1; }

  template <class T> using State = RunningTarget<T>;
  template <class T> using Constants = Target<T>;

  template <class T> GRADUS_FN T adjusted(T x, T prior) const { return tau == 0 ? x : x + tau * log(prior); }
  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T prior) const {
    return State<T>::of(adjusted(x, prior), at.index == y);
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return State<T>::join(m, a, b);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    Target<T> t = s.target();
    return {t.nll, 1.0, t};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y, T prior) const {
    return {{c.slope(adjusted(x, prior), at.index == y)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const { return c.probability(z); }
};
inline constexpr Loss<LogitAdjustedCrossEntropy> logit_adjusted_cross_entropy;

}  // namespace gradus
