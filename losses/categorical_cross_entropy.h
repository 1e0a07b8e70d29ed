// Categorical cross-entropy as Keras has it: on probabilities or non-negative scores, which are normalised and clipped.
#pragma once
#include "gradus/core/scores.h"
#include "gradus/losses/cross_entropy.h"

namespace gradus {

struct CategoricalCrossEntropy {
  bool from_logits = false, normalize = true;
  double eps = 1e-7, label_smoothing = 0;

  using Self = CategoricalCrossEntropy;
  static constexpr Input<Self> inputs[] = {array("input", "*C", range::non_negative),
                                           array("target", "*C", range::unit)};
  static constexpr Option<Self> options[] = {
      option("from_logits", &Self::from_logits), option("normalize", &Self::normalize),
      option("eps", &Self::eps, {0, 0.5, false, true}), option("label_smoothing", &Self::label_smoothing, range::unit)};

  static constexpr About about = {
      .name = "categorical_cross_entropy",
      .family = "classification",
      .summary =
          "Cross-entropy of a target distribution for a model that ends in softmax; prefer cross_entropy on logits.",
      .formula =
          "u = x / Σ x over the last dimension (x itself without normalize), v = clip(u, eps, 1 - eps);  -Σ t' log v, "
          "t' = (1 - s) t + s / C for label_smoothing s.  With from_logits log v = log_softmax(x)",
      .gradient = "(h_k - Σ h u) / Σ x, h = -t' / u, 0 where u was clipped;  of the target: -(1 - s) log v",
      .kinks = "where u meets an end of the clip: 0 is returned; in t where t' and u are 0 and eps is 0: 0 is returned",
      .edges =
          "a row whose sum is 0 is a DomainError; terms with t' = 0 are 0; 1 - u is summed over the other classes, so "
          "that the clip is exact in float32 too",
      .aliases = "keras CategoricalCrossentropy; categorical_ce_probs",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 3.0], [2.0, 2.0]], "target": [[0.0, 1.0], [1.0, 0.0]]})", 0.49041462650586315,
       "mpmath: (log(4/3) + log 2) / 2"},
      {R"({"input": [[0.0, 1.0]], "target": [[1.0, 0.0]]})", 16.118095650958319, "mpmath: 7 log 10"},
      {R"({"input": [[0.0, 0.0]], "target": [[0.3, 0.7]], "from_logits": true})", 0.69314718055994531,
       "by hand: log 2"},
  };

  int choose(bool) const { return from_logits ? 1 : 0; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &x = c.in[0], &t = c.in[1];
    const int64_t n = x.size();
    const Clipped<T> u = clipped_share(c, 0, normalize, eps);
    if (!u.valid) return;
    const double keep = 1 - label_smoothing, each = label_smoothing / double(n);
    const auto target = [&](int64_t k) { return keep * t(k) + each; };
    c.value() = c.total(n, [&](int64_t k) { return times(target(k), u.nll[k]); });
    const T inside = c.total(n, [&](int64_t k) { return u.inside[k] * target(k); });
    c.each(n, [&](int64_t k) {
      if (c.grad[0]) c.grad[0](k) = c.up() * u.slope(k, target(k), inside);
      const auto nothing = (target(k) == 0.0) & !(u.nll[k] < T::infinity());  // 0 log 0, of eps 0
      if (c.grad[1]) c.grad[1](k) = c.up() * select(nothing, 0.0, keep * u.nll[k]);
    });
  }
};

struct CategoricalCrossEntropyOfLogits : CrossEntropyOfProbabilities {
  CategoricalCrossEntropyOfLogits() { class_dim = -1; }
  explicit CategoricalCrossEntropyOfLogits(const CategoricalCrossEntropy& c) : CategoricalCrossEntropyOfLogits() {
    label_smoothing = c.label_smoothing;
  }
};
inline constexpr Loss<CategoricalCrossEntropy, CategoricalCrossEntropyOfLogits> categorical_cross_entropy;

}  // namespace gradus
