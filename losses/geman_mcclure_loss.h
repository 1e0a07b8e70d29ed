// Geman-McClure loss: squared error near the target, and a constant far from it.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct GemanMcClure {
  Param scale = 1.0;

  using Self = GemanMcClure;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"),
                                           scalar("scale", &Self::scale, range::positive)};

  static constexpr About about = {
      .name = "geman_mcclure_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Robust regression in which an outlier costs at most 2.",
      .formula = "2 z / (z + 4), z = ((x - t) / scale)²",
      .gradient = "16 (x - t) / (scale² (z + 4)²)",
      .edges = "far away the value is 2 and the gradient 0",
      .paper = "S. Geman, D. McClure, Bayesian image analysis, 1985",
      .aliases = "barron alpha -2",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0], "target": [0.0]})", 1.0, "by hand: 8 / 8"},
      {R"({"input": [6.0], "target": [0.0], "scale": 3.0})", 1.0, "by hand: the same in units of scale"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T c) {
    T u = 0.5 * ((x - t) / c);
    auto far = (u > 1.0) | (u < -1.0);
    // of the smaller of u² and 1 / u², and of u or its inverse
    T v = select(far, 1.0 / u, u), q = v * v, part = 1.0 / (1.0 + q), both = 4.0 * q * part * part;
    T g = select(far, 2.0 * q * v, 2.0 * v) * part * part / c;
    return {2.0 * select(far, part, q * part), {g, -g, -both / c}};
  }
};
inline constexpr Loss<GemanMcClure> geman_mcclure_loss;

}  // namespace gradus
