// L1 penalty: shrinks weights towards exactly 0.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct L1Penalty {
  double l1 = 1;

  static constexpr Input<L1Penalty> inputs[] = {element("input")};
  static constexpr Option<L1Penalty> options[] = {option("l1", &L1Penalty::l1, range::non_negative)};

  static constexpr About about = {
      .name = "l1_penalty",
      .family = "penalties",
      .summary = "The sum of absolute values: sparse weights or activities.",
      .formula = "l1 Σ |w|",
      .gradient = "l1 sign(w)",
      .kinks = "at w = 0: 0",
      .paper = "R. Tibshirani, Regression Shrinkage and Selection via the Lasso, 1996",
      .aliases = "Lasso; activity_l1",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0, 0.0], "l1": 0.5})", 1.5, "by hand: 0.5 * 3"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T w) const { return {l1 * abs(w), {l1 * sign(w)}}; }
};
inline constexpr Loss<L1Penalty> l1_penalty;

}  // namespace gradus
