// Asymmetric loss: focal loss that turns down negatives harder than positives, and drops the easy ones.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Asymmetric {
  double gamma_pos = 1, gamma_neg = 4, clip = 0.05;

  using Self = Asymmetric;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::unit)};
  static constexpr Option<Self> options[] = {option("gamma_pos", &Self::gamma_pos, range::non_negative),
                                             option("gamma_neg", &Self::gamma_neg, range::non_negative),
                                             option("clip", &Self::clip, Range{0, 1, false, true})};

  static constexpr About about = {
      .name = "asymmetric_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Multi-label classification where each label is mostly absent.",
      .formula = "p = sigmoid(x), p_m = [p - clip]+;  -y (1 - p)^gamma_pos log p - (1 - y) p_m^gamma_neg log(1 - p_m)",
      .gradient =
          "y = 1: -(1 - p)^gamma_pos [(1 - p) - gamma_pos p log p];  y = 0: where p > clip -p (1 - p) [gamma_neg "
          "p_m^(gamma_neg - 1) log(1 - p_m) - p_m^gamma_neg / (1 - p_m)], else 0",
      .kinks = "gamma_neg = 0: at p = clip 0; gamma_neg < 1: there too, since the slope is infinite",
      .edges = "the weights are differentiated; a target outside [0, 1] is a DomainError",
      .paper = "T. Ridnik et al., Asymmetric Loss for Multi-Label Classification, 2021",
      .aliases = "ASL",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -0.5, 2.0, -4.0], "target": [1, 1, 0, 0], "reduction": "sum"})", 1.5369873023057337,
       "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T y) const {
    const Logit<T> l(x);
    const auto weight = power(l.no, gamma_pos);
    T hit = times(weight.value, l.yes_cost), hit_slope = weight.value * (gamma_pos * times(l.yes, l.yes_cost) + l.no);
    T miss, miss_slope;
    if (clip > 0) {
      auto dropped = l.yes <= clip;
      T shifted = select(dropped, 0.0, l.yes - clip), rest = l.no + clip;  // 1 - p_m, where it is not dropped
      T cost = -select(shifted > 0.5, log(rest), log1p(-shifted));
      const auto m = power(shifted, gamma_neg);
      miss = m.value * cost;
      miss_slope = select(dropped, 0.0, l.yes * l.no * (m.slope * cost + m.value / rest));
    } else {
      const auto m = power(l.yes, gamma_neg);
      miss = times(m.value, l.no_cost);
      miss_slope = times(l.yes * l.no * m.slope, l.no_cost) + m.value * l.yes;
    }
    return {times(y, hit) + times(1.0 - y, miss), {(1.0 - y) * miss_slope - y * hit_slope, hit - miss}};
  }
};
inline constexpr Loss<Asymmetric> asymmetric_loss;

}  // namespace gradus
