// Quantile Huber loss: pinball loss with its tip rounded off.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct QuantileHuber {
  Param q = 0.5;
  double kappa = 1;

  static constexpr Input<QuantileHuber> inputs[] = {element("input"), element("target"),
                                                    element("q", &QuantileHuber::q, range::unit)};
  static constexpr Option<QuantileHuber> options[] = {option("kappa", &QuantileHuber::kappa, range::positive)};

  static constexpr About about = {
      .name = "quantile_huber_loss",
      .family = "policy and preference",
      .tier = 3,
      .summary = "Quantile regression for distributional value functions, element by element.",
      .formula = "u = t - x;  |q - [u < 0]| h(u)/kappa, h = u²/2 where |u| <= kappa, else kappa (|u| - kappa/2)",
      .gradient = "-|q - [u < 0]| clip(u, -kappa, kappa)/kappa",
      .edges = "kappa <= 0 is a ParamError",
      .paper = "W. Dabney et al., Distributional Reinforcement Learning with Quantile Regression, 2018",
      .aliases = "QR-DQN loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 2.0, 3.0], "target": [1.5, 2.0, 1.0], "q": 0.25, "reduction": "sum"})", 1.15625,
       "by hand: 0.03125 + 0 + 0.75 * 1.5"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T x, T t, T q) const {
    T u = t - x, g = clamp(u / kappa, -1.0, 1.0), h = g * (u - 0.5 * kappa * g);
    auto below = u < 0.0;
    T weight = select(below, 1.0 - q, q), push = weight * g;
    return {times(weight, h), {-push, push, select(below, -h, h)}};
  }
};
inline constexpr Loss<QuantileHuber> quantile_huber_loss;

}  // namespace gradus
