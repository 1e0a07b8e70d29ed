// Expectile loss: squared error that weighs the two sides differently.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Expectile {
  Param tau = 0.5;

  static constexpr Input<Expectile> inputs[] = {element("input"), element("target"),
                                                element("tau", &Expectile::tau, range::unit)};

  static constexpr About about = {
      .name = "expectile_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Its optimum is the tau-expectile: tau near 1 leans towards the maximum.",
      .formula = "u = t - x;  |tau - [u < 0]| u²",
      .gradient = "-2 |tau - [u < 0]| u",
      .edges = "tau outside [0, 1] is a ParamError",
      .paper = "W. Newey, J. Powell, Asymmetric Least Squares, 1987; I. Kostrikov et al., Implicit Q-Learning, 2021",
      .aliases = "IQL asymmetric L2",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 2.0, 3.0], "target": [1.5, 2.0, 1.0], "tau": 0.25, "reduction": "sum"})", 3.0625,
       "by hand: 0.0625 + 0 + 3"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T tau) {
    T u = t - x, u2 = u * u;
    auto below = u < 0.0;
    T weight = select(below, 1.0 - tau, tau), g = 2.0 * times(weight, u);
    return {times(weight, u2), {-g, g, select(below, -u2, u2)}};
  }
};
inline constexpr Loss<Expectile> expectile_loss;

}  // namespace gradus
