// Huber loss: quadratic within delta of the target, linear beyond, so that an outlier pulls with bounded force.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct Huber {
  Param delta = 1.0;
  Param weight = 1.0;

  static constexpr Input<Huber> inputs[] = {element("input"), element("target"),
                                            scalar("delta", &Huber::delta, range::positive),
                                            in_count(element("weight", &Huber::weight, range::non_negative))};

  static constexpr About about = {
      .name = "huber_loss",
      .family = "regression",
      .summary =
          "Squared error near the target, absolute error far from it: robust to outliers, smooth at the optimum.",
      .formula = "e = x - t;  e²/2 where |e| <= delta, else delta (|e| - delta/2).  mean: Σ w l / Σ w",
      .gradient = "clip(e, -delta, delta)",
      .kinks =
          "none in the value or slope; the second derivative jumps at |e| = delta, where the inner branch's is taken",
      .edges = "delta <= 0 is a ParamError; the bound on the gradient is delta, not 1",
      .paper = "P. J. Huber, Robust Estimation of a Location Parameter, 1964",
      .aliases = "nn.HuberLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.5, 0.0, 2.0, 8.0], "target": [3.0, -0.5, 2.0, 7.0], "delta": 1.0})", 0.1875,
       "by hand: (0.125 + 0.125 + 0 + 0.5) / 4"},
      {R"({"input": [0.0, 4.0], "target": [1.0, 1.0], "delta": 0.5, "reduction": "sum"})", 1.75,
       "torch.nn.functional.huber_loss 1.13"},
  };

  template <class T> GRADUS_FN static Weighed<T, 4> eval(T x, T t, T delta, T w) {
    T e = x - t, g = clamp(e, -delta, delta);
    T loss = g * (e - 0.5 * g);
    return {w * loss, w, {w * g, -w * g, w * (abs(e) - abs(g)), loss}, {0, 0, 0, 1}};
  }
};
inline constexpr Loss<Huber> huber_loss;

}  // namespace gradus
