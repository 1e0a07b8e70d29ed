// Pinball loss: its optimum is the q-quantile.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Pinball {
  Param q = 0.5;

  static constexpr Input<Pinball> inputs[] = {element("input"), element("target"),
                                              element("q", &Pinball::q, range::unit)};

  static constexpr About about = {
      .name = "pinball_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Quantile regression; q may be a tensor with one quantile for each entry of the last axis.",
      .formula = "u = t - x;  max(q u, (q - 1) u)",
      .gradient = "-q where u > 0, 1 - q where u < 0",
      .kinks = "at u = 0: 0",
      .edges = "q outside [0, 1] is a ParamError",
      .paper = "R. Koenker, G. Bassett, Regression Quantiles, 1978",
      .aliases = "quantile_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 2.0, 3.0], "target": [2.0, 2.0, 1.0], "q": 0.25, "reduction": "sum"})", 1.75,
       "by hand: 0.25 + 0 + 1.5"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T q) {
    T u = t - x;
    auto below = u < 0.0;
    T weight = select(below, q - 1.0, q), g = select(u == 0.0, 0.0, weight);
    return {times(weight, u), {-g, g, u}};
  }
};
inline constexpr Loss<Pinball> pinball_loss;

}  // namespace gradus
