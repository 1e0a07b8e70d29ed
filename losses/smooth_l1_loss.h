// Smooth L1: Huber loss divided by its threshold, so that the slope far from the target is always 1.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SmoothL1 {
  double beta = 1;

  static constexpr Input<SmoothL1> inputs[] = {element("input"), element("target")};
  static constexpr Option<SmoothL1> options[] = {option("beta", &SmoothL1::beta, range::non_negative)};

  static constexpr About about = {
      .name = "smooth_l1_loss",
      .family = "regression",
      .summary = "Absolute error with its tip rounded off within beta of the target.",
      .formula =
          "e = x - t;  e²/(2 beta) where |e| < beta, else |e| - beta/2.  huber_loss(delta) = delta "
          "smooth_l1_loss(beta = delta)",
      .gradient = "clip(e / beta, -1, 1)",
      .kinks = "only for beta = 0, which is l1_loss: 0 at x = t",
      .edges = "a negative beta is a ParamError",
      .paper = "R. Girshick, Fast R-CNN, 2015",
      .aliases = "nn.SmoothL1Loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.5, 0.0, 2.0, 8.0], "target": [3.0, -0.5, 2.0, 7.0]})", 0.1875,
       "by hand: (0.125 + 0.125 + 0 + 0.5) / 4"},
      {R"({"input": [0.0, 4.0], "target": [1.0, 1.1], "beta": 2.0, "reduction": "sum"})", 2.15,
       "torch.nn.functional.smooth_l1_loss 1.13"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t;
    if (!(beta > 0)) {
      T g = sign(e);
      return {abs(e), {g, -g}};
    }
    T g = clamp(e / beta, -1.0, 1.0);
    return {g * (e - 0.5 * beta * g), {g, -g}};
  }
};
inline constexpr Loss<SmoothL1> smooth_l1_loss;

}  // namespace gradus
