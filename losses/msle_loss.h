// Mean squared logarithmic error.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct MeanSquaredLogarithmicError {
  static constexpr Range domain{-1, range::inf, true};

  static constexpr Input<MeanSquaredLogarithmicError> inputs[] = {element("input", domain), element("target", domain)};

  static constexpr About about = {
      .name = "msle_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Squared error of logarithms, for targets that span orders of magnitude.",
      .formula = "(log(1 + x) - log(1 + t))²",
      .gradient = "2 (log(1 + x) - log(1 + t)) / (1 + x)",
      .edges = "x or t <= -1 is a DomainError; Keras clips negative values instead",
      .aliases = "KE MeanSquaredLogarithmicError",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5, 3.0], "target": [0.0, 1.0], "reduction": "sum"})", 0.6448549678113669,
       "mpmath: log(1.5)² + log(2)²"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    T apart = (x - t) / (1.0 + t);
    auto near = (apart > -0.5) & (apart < 1.0);  // where the difference of two logs would cancel
    T d = select(near, log1p(select(near, apart, 0.0)), log1p(x) - log1p(t));
    return {d * d, {2.0 * d / (1.0 + x), -2.0 * d / (1.0 + t)}};
  }
};
inline constexpr Loss<MeanSquaredLogarithmicError> msle_loss;

}  // namespace gradus
