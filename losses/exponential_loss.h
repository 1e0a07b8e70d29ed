// Exponential loss: what AdaBoost makes small.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct ExponentialLoss {
  using Self = ExponentialLoss;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::signs)};

  static constexpr About about = {
      .name = "exponential_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Every unit on the wrong side costs a factor of e.",
      .formula = "exp(-t s), t = -1 or 1",
      .gradient = "-t exp(-t s)",
      .edges = "targets other than -1 and 1 are a DomainError; infinite where the exponential is",
      .paper = "Y. Freund, R. Schapire, A Decision-Theoretic Generalization of On-Line Learning, 1997",
      .aliases = "AdaBoost loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0, 1.0], "target": [1, -1], "reduction": "sum"})", 3.7182818284590452, "by hand: 1 + e"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T s, T t) {
    T e = exp(-(t * s));
    return {e, {-t * e, -s * e}};
  }
};
inline constexpr Loss<ExponentialLoss> exponential_loss;

}  // namespace gradus
