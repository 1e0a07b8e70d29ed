// Generalized cross-entropy: between cross-entropy and mean absolute error, so that wrong labels pull less.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct GeneralizedCrossEntropy {
  double q = 0.7;

  using Self = GeneralizedCrossEntropy;
  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr)};
  static constexpr Option<Self> options[] = {option("q", &Self::q, {0, 1, true})};

  static constexpr About about = {
      .name = "generalized_cross_entropy",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy that tolerates wrong labels: q near 0 is cross-entropy, q = 1 is the absolute error.",
      .formula = "(1 - p_y^q) / q, p = softmax(x) over dimension 1",
      .gradient = "p_y^q (p_k - [k = y])",
      .edges = "from 0 to 1/q; finite for every logit",
      .paper = "Z. Zhang, M. Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks, 2018",
      .aliases = "gce_loss; keras CategoricalGeneralizedCrossEntropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [0], "q": 1.0})", 0.5, "by hand: 1 - 1/2"},
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0]})", 0.49425622091732827, "mpmath"},
  };

  int64_t class_axis() const { return 1; }

  template <class T> using State = RunningTarget<T>;
  template <class T> struct Constants {
    Target<T> target;
    T slope;  // d value / d nll
  };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y) const {
    return State<T>::of(x, at.index == y);
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return State<T>::join(m, a, b);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    Target<T> t = s.target();
    T log_power = -q * t.nll;
    return {expm1(log_power) / -q, 1.0, {t, exp_negative(log_power)}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y) const {
    return {{c.slope * c.target.slope(x, at.index == y)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const { return c.slope * c.target.probability(z); }
};
inline constexpr Loss<GeneralizedCrossEntropy> generalized_cross_entropy;

}  // namespace gradus
