// Cauchy loss: robust regression whose pull fades far from the target.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Cauchy {
  Param scale = 1.0;

  static constexpr Input<Cauchy> inputs[] = {element("input"), element("target"),
                                             scalar("scale", &Cauchy::scale, range::positive)};

  static constexpr About about = {
      .name = "cauchy_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Robust regression: squared error near the target, logarithmic far from it.",
      .formula = "log(1 + r²/2), r = (x - t)/scale",
      .gradient = "2 e/(e² + 2 scale²), e = x - t",
      .edges = "finite wherever input, target and scale are",
      .paper = "J. Barron, A General and Adaptive Robust Loss Function, 2019: alpha = 0",
      .aliases = "Lorentzian; barron alpha 0",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0], "target": [0.5, 1.0], "scale": 1.5, "reduction": "sum"})", 1.1526795099383855,
       "mpmath: log(19/18) + log 3"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T c) {
    const HeavyTail<T> tail(x, t, c, 2);
    return {tail.value, {tail.slope, -tail.slope, -tail.outward / c}};
  }
};
inline constexpr Loss<Cauchy> cauchy_loss;

}  // namespace gradus
