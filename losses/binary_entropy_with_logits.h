// The entropy of a yes/no answer, from its logit.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct BinaryEntropyWithLogits {
  static constexpr Input<BinaryEntropyWithLogits> inputs[] = {element("input")};

  static constexpr About about = {
      .name = "binary_entropy_with_logits",
      .family = "information",
      .summary = "How undecided a logit is: log 2 at 0, nothing far from it.",
      .formula = "softplus(x) - x sigmoid(x)",
      .gradient = "-x sigmoid(x) sigmoid(-x)",
      .edges = "the two large terms are never formed, so that small entropies keep their digits; 0 at ±infinity",
      .paper = "C. E. Shannon, A Mathematical Theory of Communication, 1948",
      .aliases = "Bernoulli(logits).entropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0, 1.5, -3.0], "reduction": "sum"})", 1.3590637153586744, "torch.distributions.Bernoulli 1.13"},
      {R"({"input": [40.0]})", 1.7418252446695514e-16, "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 1> eval(T x) {
    T a = abs(x), e = exp_negative(-a), sum = 1.0 + e;
    auto decided = e == 0.0;  // where a may be infinite
    // log(1 + e) + a e / (1 + e): both terms are even in x, with slopes that cancel at 0.
    T rest = select(decided, 0.0, a) * (e / sum);
    return {log1p_unit(e) + rest, {-select(decided, 0.0, x) * (e / (sum * sum))}};
  }
};
inline constexpr Loss<BinaryEntropyWithLogits> binary_entropy_with_logits;

}  // namespace gradus
