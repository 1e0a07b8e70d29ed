// Evidential classification: a network that predicts a Dirichlet distribution over the class probabilities.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct EvidentialClassification {
  using Self = EvidentialClassification;
  static constexpr Input<Self> inputs[] = {array("alpha", "*C", Range{1, range::inf}),
                                           constant(array("target", "*C", range::unit))};

  static constexpr About about = {
      .name = "evidential_classification_loss",
      .family = "classification",
      .tier = 3,
      .summary =
          "The cross entropy that a Dirichlet of this evidence expects; little evidence costs where it is wrong.",
      .formula = "Σ_k q_k (ψ(S) - ψ(alpha_k)), S = Σ alpha, q = target, a row",
      .gradient = "ψ'(S) Σ q - q_k ψ'(alpha_k)",
      .edges = "an alpha below 1 would be negative evidence, and is a DomainError",
      .paper = "M. Sensoy et al., Evidential deep learning to quantify classification uncertainty, 2018",
      .aliases = "Sensoy digamma form",
  };
  static constexpr Example examples[] = {
      {R"({"alpha": [[1.0, 1.0]], "target": [[1.0, 0.0]]})", 1.0, "by hand: ψ(2) - ψ(1) = 1"},
      {R"({"alpha": [[3.0, 2.0, 1.0]], "target": [[0.5, 0.25, 0.25]]})", 1.2833333333333332,
       "by hand: ψ(6) - ψ(3)/2 - (ψ(2) + ψ(1))/4 of harmonic numbers"},
  };

  template <class T> void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const Array<T>&alpha = c.in[0], &q = c.in[1];
    T evidence = 0.0, known = 0.0;
    for (int64_t k = 0; k < n; ++k) evidence = evidence + alpha(k), known = known + q(k);
    const T all = digamma(evidence);
    T value = 0.0;
    for (int64_t k = 0; k < n; ++k) value = value + q(k) * (all - digamma(alpha(k)));
    c.value() = value;
    if (!c.grad[0]) return;
    const T shared = polygamma(1, evidence) * known;
    for (int64_t k = 0; k < n; ++k) c.grad[0](k) = c.up() * (shared - q(k) * polygamma(1, alpha(k)));
  }
};
inline constexpr Loss<EvidentialClassification> evidential_classification_loss;

}  // namespace gradus
