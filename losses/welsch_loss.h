// Welsch loss: squared error near the target, and a constant far from it, where nothing pulls.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Welsch {
  Param scale = 1.0;

  static constexpr Input<Welsch> inputs[] = {element("input"), element("target"),
                                             scalar("scale", &Welsch::scale, range::positive)};

  static constexpr About about = {
      .name = "welsch_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Robust regression that ignores outliers altogether.",
      .formula = "1 - exp(-r²/2), r = (x - t)/scale",
      .gradient = "r exp(-r²/2)/scale",
      .edges = "far away the value is 1 and the gradient 0",
      .paper = "J. Barron, A General and Adaptive Robust Loss Function, 2019: alpha = -infinity",
      .aliases = "Leclerc; barron alpha -inf",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0], "target": [0.5, 1.0], "scale": 1.5, "reduction": "sum"})", 0.9187052478566219,
       "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T c) {
    T r = (x - t) / c, down = -0.5 * (r * r), near = exp_negative(down);
    T pull = times(near, r), g = pull / c;
    return {-expm1(down), {g, -g, -times(pull, r) / c}};
  }
};
inline constexpr Loss<Welsch> welsch_loss;

}  // namespace gradus
