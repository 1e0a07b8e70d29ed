// L2 penalty: weight decay, as a term of the loss.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct L2Penalty {
  double l2 = 1;
  bool half = true;

  static constexpr Input<L2Penalty> inputs[] = {element("input")};
  static constexpr Option<L2Penalty> options[] = {option("l2", &L2Penalty::l2, range::non_negative),
                                                  option("half", &L2Penalty::half)};

  static constexpr About about = {
      .name = "l2_penalty",
      .family = "penalties",
      .summary = "The sum of squares, halved so that its gradient is l2 w.",
      .formula = "l2/2 Σ w²;  half=false: l2 Σ w²",
      .gradient = "l2 w;  half=false: 2 l2 w",
      .paper = "A. Tikhonov, 1943",
      .aliases = "Ridge; weight_decay",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0, 0.0], "l2": 0.5})", 1.25, "by hand: 0.25 * 5"},
      {R"({"input": [1.0, -2.0, 0.0], "l2": 0.5, "half": false})", 2.5, "by hand: 0.5 * 5"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T w) const {
    double slope = half ? l2 : 2 * l2;
    return {0.5 * slope * (w * w), {slope * w}};
  }
};
inline constexpr Loss<L2Penalty> l2_penalty;

}  // namespace gradus
