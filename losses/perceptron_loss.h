// Perceptron loss: only what lies on the wrong side costs.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Perceptron {
  using Self = Perceptron;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::signs)};

  static constexpr About about = {
      .name = "perceptron_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Rosenblatt's rule: the distance of a wrong score from 0, without a margin.",
      .formula = "[-t s]+, t = -1 or 1",
      .gradient = "-t where t s < 0, else 0",
      .kinks = "where t s = 0, which has slope 0",
      .edges = "targets other than -1 and 1 are a DomainError",
      .paper = "F. Rosenblatt, The perceptron, 1958",
      .aliases = "OX perceptron_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, -0.5, 3.0], "target": [1, 1, -1], "reduction": "sum"})", 3.5, "by hand: 0 + 0.5 + 3"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T s, T t) {
    T h = positive(-t * s);
    auto right = h == 0.0;
    return {h, {select(right, 0.0, -t), select(right, 0.0, -s)}};
  }
};
inline constexpr Loss<Perceptron> perceptron_loss;

}  // namespace gradus
