// Mean absolute percentage error.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct MeanAbsolutePercentageError {
  double eps = 1e-7;

  using Self = MeanAbsolutePercentageError;
  static constexpr Input<Self> inputs[] = {element("input"), element("target")};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::positive)};

  static constexpr About about = {
      .name = "mape_loss",
      .family = "regression",
      .tier = 3,
      .summary = "The error relative to the target, in percent.",
      .formula = "100 |x - t| / max(|t|, eps)",
      .gradient = "100 sign(x - t) / max(|t|, eps)",
      .kinks = "at x = t: 0; at |t| = eps the floor is taken to stand still",
      .edges = "targets near 0 dominate; eps <= 0 is a ParamError",
      .aliases = "KE MeanAbsolutePercentageError",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -3.0], "target": [2.0, -2.0]})", 50.0, "by hand: (50 + 50) / 2"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t, a = abs(t);
    auto floored = a <= eps;
    T base = select(floored, eps, a), g = 100.0 * sign(e) / base;
    return {100.0 * (abs(e) / base), {g, -g * select(floored, 1.0, x / select(floored, 1.0, t))}};
  }
};
inline constexpr Loss<MeanAbsolutePercentageError> mape_loss;

}  // namespace gradus
