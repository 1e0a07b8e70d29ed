// Symmetric cross-entropy: cross-entropy and its reverse, which bounds what a wrong label can cost.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SymmetricCrossEntropy {
  double alpha = 0.1, beta = 1, log_zero = -4;

  using Self = SymmetricCrossEntropy;
  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr)};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::non_negative),
                                             option("beta", &Self::beta, range::non_negative),
                                             option("log_zero", &Self::log_zero, {-range::inf, 0})};

  static constexpr About about = {
      .name = "symmetric_cross_entropy",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy in both directions, against wrong labels.",
      .formula =
          "-alpha log p_y - beta log_zero (1 - p_y), p = softmax(x) over dimension 1; log_zero stands for the "
          "logarithm of the label's zeros",
      .gradient = "(alpha - beta log_zero p_y) (p_k - [k = y])",
      .edges = "1 - p_y is summed over the other classes and does not cancel",
      .paper = "Y. Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, 2019",
      .aliases = "SCE; symmetric_ce",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [0]})", 2.0693147180559946, "by hand: 0.1 log 2 + 4 / 2"},
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0]})", 1.829135443421045, "mpmath"},
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
    double reverse = -beta * log_zero;
    T value = reverse * t.rest;
    if (alpha > 0) value = value + alpha * t.nll;
    return {value, 1.0, {t, alpha + reverse * t.p}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y) const {
    return {{c.slope * c.target.slope(x, at.index == y)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const { return c.slope * c.target.probability(z); }
};
inline constexpr Loss<SymmetricCrossEntropy> symmetric_cross_entropy;

}  // namespace gradus
