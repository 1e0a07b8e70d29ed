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

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const Array<T>&alpha = c.in[0], &q = c.in[1];
    const T evidence = c.total(n, [&](int64_t k) { return alpha(k); }),
            known = c.total(n, [&](int64_t k) { return q(k); });
    const T all = digamma(evidence);
    c.value() = c.total(n, [&](int64_t k) { return q(k) * (all - digamma(alpha(k))); });
    if (!c.grad[0]) return;
    const T shared = polygamma(1, evidence) * known;
    c.each(n, [&](int64_t k) { c.grad[0](k) = c.up() * (shared - q(k) * polygamma(1, alpha(k))); });
  }
};
inline constexpr Loss<EvidentialClassification> evidential_classification_loss;

}  // namespace gradus
