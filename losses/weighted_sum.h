// The weighted sum of several losses.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct WeightedSum {
  static constexpr Input<WeightedSum> inputs[] = {element("losses"), element("weights")};

  static constexpr About about = {
      .name = "weighted_sum",
      .family = "aggregation",
      .summary = "Joins the losses of several tasks; a weight of 0 switches its task off.",
      .formula = "Σ a L",
      .gradient = "a;  of the weights: L",
      .edges = "a loss that is not finite does not count where its weight is 0, and its weight has gradient 0",
      .aliases = "multi_task_sum",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"losses": [1.0, 2.0, 3.0], "weights": [0.5, 0.0, 2.0]})", 6.5, "by hand: 0.5 + 0 + 6"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T loss, T weight) {
    auto off = (weight == 0.0) & is_nan(loss - loss);  // an infinity less itself is no number either
    return {select(off, 0.0, loss * weight), {weight, select(off, 0.0, loss)}};
  }
};
inline constexpr Loss<WeightedSum> weighted_sum;

}  // namespace gradus
