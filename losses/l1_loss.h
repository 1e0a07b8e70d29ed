// Mean absolute error.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct L1 {
  Param weight = 1.0;

  static constexpr Input<L1> inputs[] = {element("input"), element("target"),
                                         in_count(element("weight", &L1::weight, range::non_negative))};

  static constexpr About about = {
      .name = "l1_loss",
      .family = "regression",
      .summary =
          "Absolute difference: the log-likelihood of a Laplace distribution of fixed width; its optimum is the "
          "median.",
      .formula = "|x - t|.  mean: Σ w |x - t| / Σ w",
      .gradient = "sign(x - t)",
      .kinks = "at x = t: 0",
      .aliases = "nn.L1Loss; MAE; mean_absolute_error",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.02, 0.176, 0.313], "target": [0.019, 0.234, 0.918]})", 0.22133333333333335,
       "by hand: 0.664 / 3"},
      {R"({"input": [1, 2, 3], "target": [0, 4, 3], "weight": [1, 2, 1]})", 1.25, "by hand: (1 + 4 + 0) / 4"},
  };

  template <class T> GRADUS_FN static Weighed<T, 3> eval(T x, T t, T w) {
    T e = x - t, g = w * sign(e), loss = abs(e);
    return {w * loss, w, {g, -g, loss}, {0, 0, 1}};
  }
};
inline constexpr Loss<L1> l1_loss;

}  // namespace gradus
