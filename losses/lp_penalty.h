// Lp penalty: the sum of powers of magnitudes.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct LpPenalty {
  double p = 2, coef = 1;

  static constexpr Input<LpPenalty> inputs[] = {element("input")};
  static constexpr Option<LpPenalty> options[] = {option("p", &LpPenalty::p, Range{0, range::inf, true, true}),
                                                  option("coef", &LpPenalty::coef, range::non_negative)};

  static constexpr About about = {
      .name = "lp_penalty",
      .family = "penalties",
      .summary = "L1 and L2 penalty and everything between and beyond; it is not the root of the sum.",
      .formula = "coef Σ |w|^p",
      .gradient = "coef p sign(w) |w|^(p - 1)",
      .kinks = "p <= 1: at w = 0 0, also where p < 1 and the slope is infinite",
      .edges = "p <= 0 is a ParamError",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0, 0.0], "p": 3.0, "coef": 0.5})", 4.5, "by hand: 0.5 * 9"},
      {R"({"input": [4.0, -9.0], "p": 1.5})", 35.0, "by hand: 8 + 27"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T w) const {
    const auto m = power(abs(w), p);
    return {coef * m.value, {coef * sign(w) * m.slope}};
  }
};
inline constexpr Loss<LpPenalty> lp_penalty;

}  // namespace gradus
