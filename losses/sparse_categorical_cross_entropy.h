// Categorical cross-entropy as Keras has it, against class labels.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/scores.h"

namespace gradus {

struct SparseCategoricalCrossEntropy {
  bool from_logits = false, normalize = true;
  double eps = 1e-7;

  using Self = SparseCategoricalCrossEntropy;
  static constexpr Input<Self> inputs[] = {array("input", "*C", range::non_negative),
                                           indices<Self>("target", "*", 'C')};
  static constexpr Option<Self> options[] = {option("from_logits", &Self::from_logits),
                                             option("normalize", &Self::normalize),
                                             option("eps", &Self::eps, {0, 0.5, false, true})};

  static constexpr About about = {
      .name = "sparse_categorical_cross_entropy",
      .family = "classification",
      .summary = "Cross-entropy of class labels for a model that ends in softmax; prefer cross_entropy on logits.",
      .formula =
          "u = x / Σ x over the last dimension (x itself without normalize);  -log clip(u_y, eps, 1 - eps).  With "
          "from_logits -log_softmax(x)_y",
      .gradient = "(1 - [k = y] / u_y) / Σ x, 0 where u_y was clipped",
      .kinks = "where u_y meets an end of the clip: 0 is returned",
      .edges =
          "a row whose sum is 0 is a DomainError; 1 - u is summed over the other classes, so that the clip is exact "
          "in float32 too",
      .aliases = "keras SparseCategoricalCrossentropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 3.0], [2.0, 2.0]], "target": [1, 0]})", 0.49041462650586315,
       "mpmath: (log(4/3) + log 2) / 2"},
      {R"({"input": [[0.0, 1.0]], "target": [0]})", 16.118095650958319, "mpmath: 7 log 10"},
  };

  int choose(bool) const { return from_logits ? 1 : 0; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size(), y = c.whole[1]();
    if (y < 0) return;
    const Clipped<T> u = clipped_share(c, 0, normalize, eps);
    if (!u.valid) return;
    c.value() = u.nll[y];
    if (!c.grad[0]) return;
    c.each(n, [&](int64_t k) { c.grad[0](k) = c.up() * u.slope(k, k == y ? 1.0 : 0.0, u.inside[y]); });
  }
};

struct SparseCategoricalCrossEntropyOfLogits {
  using Self = SparseCategoricalCrossEntropyOfLogits;
  SparseCategoricalCrossEntropyOfLogits() = default;
  explicit SparseCategoricalCrossEntropyOfLogits(const SparseCategoricalCrossEntropy&) {}

  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr)};

  template <class T> using State = RunningTarget<T>;
  template <class T> using Constants = Target<T>;

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y) const {
    return State<T>::of(x, at.index == y);
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return State<T>::join(m, a, b);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    Target<T> t = s.target();
    return {t.nll, 1.0, t};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y) const {
    return {{c.slope(x, at.index == y)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const { return c.probability(z); }
};
inline constexpr Loss<SparseCategoricalCrossEntropy, SparseCategoricalCrossEntropyOfLogits>
    sparse_categorical_cross_entropy;

}  // namespace gradus
