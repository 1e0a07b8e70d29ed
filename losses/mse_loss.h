// Mean squared error.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct MeanSquaredError {
  Param weight = 1.0;

  static constexpr Input<MeanSquaredError> inputs[] = {
      element("input"), element("target"), in_count(element("weight", &MeanSquaredError::weight, range::non_negative))};

  static constexpr About about = {
      .name = "mse_loss",
      .family = "regression",
      .summary = "Squared difference: the log-likelihood of a Gaussian of fixed width.",
      .formula = "(x - t)².  mean: Σ w (x - t)² / Σ w",
      .gradient = "2 (x - t)",
      .edges = "the value overflows for |x - t| beyond the root of the largest number, the gradient does not",
      .aliases = "nn.MSELoss; L2 (optax.l2_loss is half of it)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1, 2], [3, 4]], "target": [[0, 2], [5, 4]]})", 1.25, "by hand: (1 + 0 + 4 + 0) / 4"},
      {R"({"input": [1, 2, 3], "target": [0, 0, 0], "weight": [1, 0, 2]})", 6.333333333333333, "by hand: (1 + 18) / 3"},
  };

  template <class T> GRADUS_FN static Weighed<T, 3> eval(T x, T t, T w) {
    T e = x - t, g = 2.0 * e;
    return {w * (e * e), w, {w * g, -w * g, e * e}, {0, 0, 1}};
  }
};
inline constexpr Loss<MeanSquaredError> mse_loss;

}  // namespace gradus
