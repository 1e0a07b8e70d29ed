// Symmetric mean absolute percentage error.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SymmetricMape {
  double eps = 1e-8;

  using Self = SymmetricMape;
  static constexpr Input<Self> inputs[] = {element("input"), element("target")};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::non_negative)};

  static constexpr About about = {
      .name = "smape_loss",
      .family = "regression",
      .tier = 3,
      .summary = "The error relative to the size of both numbers: between 0 and 2.",
      .formula = "2 |x - t| / (|x| + |t| + eps)",
      .gradient = "(2 sign(x - t) - L sign(x)) / (|x| + |t| + eps), L the value",
      .kinks = "at x = t, and where x or t is 0; the sign of 0 is 0",
      .edges = "0 where both are 0; neither sum nor difference overflows",
      .aliases = "symmetric MAPE",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 0.0], "target": [3.0, 2.0], "eps": 0.0, "reduction": "sum"})", 3.0, "by hand: 4 / 4 + 4 / 2"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = 0.5 * x - 0.5 * t, s = 0.5 * abs(x) + 0.5 * abs(t) + 0.5 * eps;
    auto none = s == 0.0;
    T by = select(none, 1.0, s), loss = 2.0 * abs(e) / by, way = sign(e);
    return {loss, {(way - 0.5 * loss * sign(x)) / by, (-way - 0.5 * loss * sign(t)) / by}};
  }
};
inline constexpr Loss<SymmetricMape> smape_loss;

}  // namespace gradus
