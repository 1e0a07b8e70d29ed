// Quality focal loss: focal loss whose labels are qualities between 0 and 1.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct QualityFocal {
  double beta = 2;

  static constexpr Input<QualityFocal> inputs[] = {element("input"), element("target", range::unit)};
  static constexpr Option<QualityFocal> options[] = {option("beta", &QualityFocal::beta, range::non_negative)};

  static constexpr About about = {
      .name = "quality_focal_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy against a soft label, weighted by the distance from it.",
      .formula = "|y - p|^beta ce, p = sigmoid(x), ce = (1 - y) softplus(x) + y softplus(-x)",
      .gradient = "beta |y - p|^(beta - 1) sign(p - y) p (1 - p) ce + |y - p|^beta (p - y)",
      .kinks = "beta = 1: 0 of the slope of |y - p| at p = y; with beta < 1 the infinite slope there is taken as 0",
      .edges = "a target outside [0, 1] is a DomainError",
      .paper = "X. Li et al., Generalized Focal Loss, 2020",
      .aliases = "QFL",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, -1.0, 0.3], "target": [0.9, 0.25, 1.0], "reduction": "sum"})", 0.10071591650482722, "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T y) const {
    const Logit<T> l(x);
    const auto ce = l.cross_entropy(y);
    const auto d = power(abs(ce.slope), beta);  // the slope of the cross-entropy is p - y
    T pull = d.slope * sign(ce.slope) * ce.value;
    return {times(d.value, ce.value), {times(l.yes * l.no, pull) + d.value * ce.slope, -pull - times(d.value, x)}};
  }
};
inline constexpr Loss<QualityFocal> quality_focal_loss;

}  // namespace gradus
