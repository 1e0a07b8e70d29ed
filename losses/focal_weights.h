// The weights that focal loss gives to its elements, for inspection.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct FocalWeights {
  double alpha = 0.25, gamma = 2;

  using Self = FocalWeights;
  static constexpr Input<Self> inputs[] = {constant(element("input", range::unit)),
                                           constant(element("target", range::zero_or_one))};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::unit, true),
                                             option("gamma", &Self::gamma, range::non_negative)};

  static constexpr About about = {
      .name = "focal_weights",
      .family = "classification",
      .summary = "What focal loss multiplies the cross-entropy of each element by.",
      .formula = "y = 1: alpha (1 - p)^gamma;  y = 0: (1 - alpha) p^gamma",
      .gradient = "none",
      .edges = "gamma = 0 gives the class weights alone; p outside [0, 1] or a soft target is a DomainError",
      .paper = "T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017",
      .aliases = "alpha_t*(1-p_t)^gamma",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.95], "target": [1]})", 0.000625, "by hand: 0.25 * 0.05²"},
      {R"({"input": [0.5], "target": [0]})", 0.1875, "by hand: 0.75 * 0.5²"},
  };

  template <class T> GRADUS_FN Scored<T, 0> eval(T p, T y) const {
    const double pos = alpha >= 0 ? alpha : 1, neg = alpha >= 0 ? 1 - alpha : 1;
    auto yes = y == 1.0;
    return {select(yes, T(pos), neg) * power(select(yes, 1.0 - p, p), gamma).value};
  }
};
inline constexpr Loss<FocalWeights> focal_weights;

}  // namespace gradus
