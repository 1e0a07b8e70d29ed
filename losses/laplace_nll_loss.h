// Laplace negative log-likelihood: absolute error that knows how sure it is.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct LaplaceNll {
  static constexpr Input<LaplaceNll> inputs[] = {element("input"), element("target"),
                                                 element("scale", range::positive)};

  static constexpr About about = {
      .name = "laplace_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Absolute error with a predicted width.",
      .formula = "log(2 b) + |x - t|/b, b = scale",
      .gradient = "sign(x - t)/b;  of the scale: 1/b - |x - t|/b²",
      .kinks = "at x = t: 0",
      .edges = "a scale that is not positive is a DomainError",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -0.5], "target": [0.5, 0.5], "scale": [0.5, 2.0], "reduction": "sum"})", 2.886294361119891,
       "mpmath: 1.5 + log 4"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T t, T b) {
    T e = x - t, ratio = abs(e) / b, g = sign(e) / b;
    return {log(b) + 0.69314718055994531 + ratio, {g, -g, (1.0 - ratio) / b}};
  }
};
inline constexpr Loss<LaplaceNll> laplace_nll_loss;

}  // namespace gradus
