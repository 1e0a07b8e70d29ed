// Wing loss: small errors count as much as large ones.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct WingLoss {
  double w = 10, epsilon = 2;

  using Self = WingLoss;
  static constexpr Input<Self> inputs[] = {element("input"), element("target")};
  static constexpr Option<Self> options[] = {option("w", &Self::w, range::positive),
                                             option("epsilon", &Self::epsilon, range::positive)};

  static constexpr About about = {
      .name = "wing_loss",
      .family = "regression",
      .tier = 3,
      .summary =
          "Regression of landmarks: a logarithm near the target, whose slope grows as the error shrinks, and a line "
          "beyond w.",
      .formula = "w log(1 + |e| / epsilon) where |e| < w, else |e| - w + w log(1 + w / epsilon);  e = x - t",
      .gradient = "sign(e) w / (epsilon + |e|), or sign(e)",
      .kinks = "at e = 0, which has slope 0, and at |e| = w",
      .edges = "finite for all finite inputs whose difference is",
      .paper = "Z. Feng et al., Wing Loss for Robust Facial Landmark Localisation, 2018",
  };
  static constexpr Example examples[] = {
      {R"({"input": [3.0, 4.0], "target": [2.0, 0.0], "w": 2.0, "epsilon": 1.0, "reduction": "sum"})",
       5.5835189384561104, "by hand: 2 log 2 + 2 + 2 log 3"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t, a = abs(e);
    auto near = a < w;
    T inside = select(near, a, 0.0), beyond = log1p(T(w / epsilon)) * w - w;
    T g = sign(e) * select(near, w / (epsilon + inside), 1.0);
    return {select(near, w * log1p(inside / epsilon), a + beyond), {g, -g}};
  }
};
inline constexpr Loss<WingLoss> wing_loss;

}  // namespace gradus
