// Log-cosh: squared error near the target, absolute error far from it, and smooth everywhere.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct LogCosh {
  static constexpr Input<LogCosh> inputs[] = {element("input"), element("target")};

  static constexpr About about = {
      .name = "log_cosh_loss",
      .family = "regression",
      .summary = "Like Huber with delta 1, but infinitely smooth.",
      .formula = "e = x - t;  log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2",
      .gradient = "tanh e",
      .edges = "about e²/2 near 0 and |e| - log 2 far away; finite wherever e is",
      .aliases = "keras LogCosh; optax.log_cosh",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0, 1.0, -3.0], "target": [0.0, 0.0, 0.0], "reduction": "sum"})", 2.7431093350608123, "mpmath"},
      {R"({"input": [10000.0], "target": [0.0]})", 9999.3068528194401, "mpmath: 1e4 - log 2"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    const auto cost = log_cosh(x - t);
    return {cost.value, {cost.slope, -cost.slope}};
  }
};
inline constexpr Loss<LogCosh> log_cosh_loss;

}  // namespace gradus
