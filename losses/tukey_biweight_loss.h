// Tukey's biweight: squared error near the target that levels off to a constant at distance c.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct TukeyBiweight {
  double c = 4.685;

  static constexpr Input<TukeyBiweight> inputs[] = {element("input"), element("target")};
  static constexpr Option<TukeyBiweight> options[] = {option("c", &TukeyBiweight::c, range::positive)};

  static constexpr About about = {
      .name = "tukey_biweight_loss",
      .family = "regression",
      .tier = 3,
      .summary = "Robust regression that ignores what is farther than c; residuals are to be scaled first.",
      .formula = "e = x - t;  c²/6 [1 - (1 - e²/c²)³] where |e| <= c, else c²/6",
      .gradient = "e (1 - e²/c²)² where |e| <= c, else 0",
      .edges = "c <= 0 is a ParamError",
      .paper = "A. Beaton, J. Tukey, The Fitting of Power Series, 1974",
      .aliases = "bisquare",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 5.0], "target": [0.0, 1.0], "c": 2.0, "reduction": "sum"})", 1.0520833333333333,
       "by hand: 4/6 (1 - 27/64) + 4/6"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t;
    auto out = abs(e) > c;
    T in = select(out, 0.0, e), r = in / c, s = r * r, keep = (1.0 - r) * (1.0 + r), g = in * (keep * keep);
    // 1 - (1 - s)³ = s (3 - 3 s + s²), which does not cancel.
    return {select(out, c * c / 6, in * in * (3.0 - s * (3.0 - s)) / 6.0), {g, -g}};
  }
};
inline constexpr Loss<TukeyBiweight> tukey_biweight_loss;

}  // namespace gradus
