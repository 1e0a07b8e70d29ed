// Soft margin loss: logistic loss on targets of -1 and 1.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SoftMargin {
  static constexpr Input<SoftMargin> inputs[] = {element("input"), element("target", range::signs)};

  static constexpr About about = {
      .name = "soft_margin_loss",
      .family = "classification",
      .tier = 2,
      .summary = "The negative log-likelihood of logistic regression with labels -1 and 1.",
      .formula = "log(1 + exp(-t x)), t = -1 or 1",
      .gradient = "-t sigmoid(-t x)",
      .edges = "finite for every finite x, where PyTorch overflows; targets other than -1 and 1 are a DomainError",
      .aliases = "nn.SoftMarginLoss; logistic loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, -0.5, 0.0], "target": [1, 1, -1]})", 0.5980507252610082,
       "torch.nn.functional.soft_margin_loss 1.13"},
      {R"({"input": [10000.0], "target": [-1]})", 10000.0, "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    const Logit<T> margin(t * x);
    return {margin.yes_cost, {-t * margin.no, -times(margin.no, x)}};
  }
};
inline constexpr Loss<SoftMargin> soft_margin_loss;

}  // namespace gradus
