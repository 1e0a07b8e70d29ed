// Binary sparsemax loss: zero beyond the margin as hinge loss is, linear on the wrong side, and smooth between.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct BinarySparsemax {
  static constexpr Input<BinarySparsemax> inputs[] = {element("input"),
                                                      constant(element("target", range::zero_or_one))};

  static constexpr About about = {
      .name = "binary_sparsemax_loss",
      .family = "classification",
      .summary = "The two-class case of sparsemax: a smooth hinge whose probability is exactly 0 or 1 far away.",
      .formula = "u = x where y = 0, -x where y = 1;  0 for u <= -1, (u + 1)²/4 between, u for u >= 1",
      .gradient = "clip((u + 1)/2, 0, 1) du/dx",
      .edges = "targets other than 0 and 1 are a DomainError",
      .paper = "A. Martins, R. Astudillo, From Softmax to Sparsemax, 2016",
      .aliases = "OX sparsemax_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5, 0.5, -3.0, -3.0], "target": [0, 1, 0, 1], "reduction": "sum"})", 3.625,
       "by hand: 0.5625 + 0.0625 + 0 + 3"},
  };

  template <class T> GRADUS_FN static Scored<T, 1> eval(T x, T y) {
    auto no = y == 0.0;
    T u = select(no, x, -x), p = clamp(0.5 * u + 0.5, 0.0, 1.0);
    return {select(u >= 1.0, u, p * p), {select(no, p, -p)}};
  }
};
inline constexpr Loss<BinarySparsemax> binary_sparsemax_loss;

}  // namespace gradus
