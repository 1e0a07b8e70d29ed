// Varifocal loss: positives weigh by their quality, negatives by how confident the mistake is.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Varifocal {
  double alpha = 0.75, gamma = 2;

  static constexpr Input<Varifocal> inputs[] = {element("input"), constant(element("target", range::non_negative))};
  static constexpr Option<Varifocal> options[] = {option("alpha", &Varifocal::alpha, range::non_negative),
                                                  option("gamma", &Varifocal::gamma, range::non_negative)};

  static constexpr About about = {
      .name = "varifocal_loss",
      .family = "classification",
      .tier = 3,
      .summary = "For detectors whose score shall be the quality of the box: 0 for background.",
      .formula = "p = sigmoid(x);  q > 0: q [(1 - q) softplus(x) + q softplus(-x)];  q = 0: alpha p^gamma softplus(x)",
      .gradient = "q > 0: q (p - q);  q = 0: alpha [gamma p^gamma (1 - p) softplus(x) + p^(gamma + 1)]",
      .edges = "a negative target is a DomainError; the weight is differentiated",
      .paper = "H. Zhang et al., VarifocalNet, 2021",
      .aliases = "VFL",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, -1.0, 0.3], "target": [0.9, 0.25, 0.0], "reduction": "sum"})", 0.6464934339958537, "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T x, T q) const {
    const Logit<T> l(x);
    auto background = q == 0.0;
    const auto ce = l.cross_entropy(q);
    T p_gamma = power(l.yes, gamma).value;
    T push = gamma * (times(p_gamma * l.no, l.no_cost)) + p_gamma * l.yes;
    return {select(background, alpha * times(p_gamma, l.no_cost), q * ce.value),
            {select(background, alpha * push, q * ce.slope)}};
  }
};
inline constexpr Loss<Varifocal> varifocal_loss;

}  // namespace gradus
