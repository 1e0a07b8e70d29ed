// Focal loss on probabilities and hard labels.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct FocalOfProbabilities {
  double alpha = 0.25, gamma = 2;

  using Self = FocalOfProbabilities;
  static constexpr Input<Self> inputs[] = {element("input", range::unit),
                                           constant(element("target", range::zero_or_one))};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::unit, true),
                                             option("gamma", &Self::gamma, range::non_negative)};

  static constexpr About about = {
      .name = "focal_loss_probs",
      .family = "classification",
      .summary = "sigmoid_focal_loss for models that end in a sigmoid.",
      .formula = "y = 1: -alpha (1 - p)^gamma log p;  y = 0: -(1 - alpha) p^gamma log(1 - p)",
      .gradient = "y = 1: alpha [gamma (1 - p)^(gamma - 1) log p - (1 - p)^gamma / p];  y = 0: the mirror image",
      .kinks = "gamma < 1: at the right certainty the infinite slope of the weight is taken as 0",
      .edges = "the log is at least -100, where its slope is 0; p outside [0, 1] or a soft target is a DomainError",
      .paper = "T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017",
      .aliases = "FocalLossV2(logits=False) on hard labels up to alpha",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.95, 0.05, 0.5, 0.5], "target": [1, 0, 1, 0], "reduction": "sum"})", 0.1734150283759552,
       "mpmath"},
      {R"({"input": [0.0, 0.25], "target": [1, 0], "gamma": 0.0, "alpha": 0.5, "reduction": "sum"})", 50.14384103622589,
       "mpmath: 50 - 0.5 log 0.75"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T p, T y) const {
    const double pos = alpha >= 0 ? alpha : 1, neg = alpha >= 0 ? 1 - alpha : 1;
    auto yes = y == 1.0;
    T right = select(yes, p, 1.0 - p), weight = select(yes, T(pos), neg);
    T cost = -select(yes, log(p), log1p(-p));
    auto floored = cost > 100.0;
    T held = select(floored, 100.0, cost), slope = select(floored, 0.0, 1.0 / select(floored, 1.0, right));
    T wrong = select(yes, 1.0 - p, p);
    const auto m = power(wrong, gamma);
    if (gamma > 0 && gamma < 1)
      declare_convention(wrong == 0.0, p);  // 0, as it is; differences of x^(1 + gamma) find that too slowly
    T up = weight * (m.slope * held + m.value * slope);
    return {weight * m.value * held, {select(yes, -up, up)}};
  }
};
inline constexpr Loss<FocalOfProbabilities> focal_loss_probs;

}  // namespace gradus
