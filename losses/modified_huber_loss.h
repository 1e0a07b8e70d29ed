// Modified Huber loss: a squared hinge that goes on as a line far on the wrong side.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct ModifiedHuber {
  using Self = ModifiedHuber;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::signs)};

  static constexpr About about = {
      .name = "modified_huber_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Smooth like the squared hinge, and not carried away by what is far off.",
      .formula = "([1 - m]+)² where m >= -1, else -4 m;  m = t s, t = -1 or 1",
      .gradient = "-2 t [1 - m]+ where m >= -1, else -4 t",
      .edges = "targets other than -1 and 1 are a DomainError",
      .paper = "T. Zhang, Solving large scale linear prediction problems using SGD, 2004",
      .aliases = "sklearn modified_huber",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, 0.5, 3.0], "target": [1, 1, -1], "reduction": "sum"})", 12.25, "by hand: 0 + 0.25 + 12"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T s, T t) {
    T m = t * s, h = positive(1.0 - m);
    auto far = m < -1.0;
    T slope = select(far, T(-4.0), -2.0 * h);
    return {select(far, -4.0 * m, select(far, 0.0, h) * h), {t * slope, s * slope}};
  }
};
inline constexpr Loss<ModifiedHuber> modified_huber_loss;

}  // namespace gradus
