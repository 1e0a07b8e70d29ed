// Charbonnier loss: absolute error with a round tip.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Charbonnier {
  double eps = 1e-3;

  static constexpr Input<Charbonnier> inputs[] = {element("input"), element("target")};
  static constexpr Option<Charbonnier> options[] = {option("eps", &Charbonnier::eps, range::positive)};

  static constexpr About about = {
      .name = "charbonnier_loss",
      .family = "regression",
      .tier = 3,
      .summary = "A smooth absolute error, used for image restoration.",
      .formula = "sqrt(e² + eps²), e = x - t",
      .gradient = "e / sqrt(e² + eps²)",
      .edges = "neither overflows nor underflows; eps <= 0 is a ParamError",
      .paper = "P. Charbonnier et al., Two Deterministic Half-Quadratic Regularization Algorithms, 1994",
      .aliases = "pseudo-Huber up to scale",
  };
  static constexpr Example examples[] = {
      {R"({"input": [3.0, 1.0], "target": [0.0, 1.0], "eps": 4.0, "reduction": "sum"})", 9.0, "by hand: 5 + 4"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t, a = abs(e);
    auto near = a < eps;  // the smaller of e and eps goes over the larger
    T large = select(near, eps, a), ratio = select(near, e, eps) / large, root = sqrt(1.0 + ratio * ratio);
    T g = select(near, ratio, sign(e)) / root;
    return {large * root, {g, -g}};
  }
};
inline constexpr Loss<Charbonnier> charbonnier_loss;

}  // namespace gradus
