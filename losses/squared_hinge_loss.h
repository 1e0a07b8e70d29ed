// Squared hinge: hinge loss without its kink.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SquaredHinge {
  Param margin = 1.0;

  static constexpr Input<SquaredHinge> inputs[] = {element("input"), element("target", range::signs),
                                                   scalar("margin", &SquaredHinge::margin)};

  static constexpr About about = {
      .name = "squared_hinge_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Hinge loss, squared: smooth at the margin, harder on what is far on the wrong side.",
      .formula = "([margin - t s]+)², t = -1 or 1",
      .gradient = "-2 t [margin - t s]+",
      .edges = "targets other than -1 and 1 are a DomainError",
      .aliases = "KE SquaredHinge",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, 0.5, -0.3, -2.0], "target": [1, 1, -1, 1], "reduction": "sum"})", 9.74,
       "by hand: 0 + 0.25 + 0.49 + 9"},
      {R"({"input": [1.5, -0.5], "target": [-1, -1], "margin": 0.25})", 1.53125, "by hand: (3.0625 + 0) / 2"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T s, T t, T m) {
    T h = positive(m - t * s), g = 2.0 * h;
    return {h * h, {-t * g, select(h == 0.0, 0.0, -s * g), g}};
  }
};
inline constexpr Loss<SquaredHinge> squared_hinge_loss;

}  // namespace gradus
