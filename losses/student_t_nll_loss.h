// Student-t negative log-likelihood: regression with heavy tails.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct StudentTNll {
  double nu = 3;

  using Self = StudentTNll;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"), element("scale", range::positive)};
  static constexpr Option<Self> options[] = {option("nu", &Self::nu, Range{0, range::inf, true, true})};

  static constexpr About about = {
      .name = "student_t_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Robust regression: the noise is Student's t with nu degrees of freedom and a predicted scale.",
      .formula =
          "r = (x - t)/scale;  log scale + (nu + 1)/2 log(1 + r²/nu) + log Γ(nu/2) - log Γ((nu + 1)/2) + log(π nu)/2",
      .gradient = "(nu + 1) (x - t)/(nu scale² + (x - t)²);  of the scale: (1 - (nu + 1) r²/(nu + r²))/scale",
      .edges = "finite wherever input, target and scale are; a scale that is not positive is a DomainError",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -0.5], "target": [0.5, 0.5], "scale": [0.5, 2.0], "reduction": "sum"})", 2.7372272594976543,
       "torch.distributions.StudentT 1.13"},
      {R"({"input": [1.0], "target": [3.0], "scale": [1.5], "nu": 0.5})", 2.8532586510457403, "mpmath"},
  };

  // log Γ(nu/2) - log Γ((nu + 1)/2) + log(π nu)/2, without two large logarithms that cancel: up by the recurrence, then
  // the asymptotic series of the ratio.
  template <class T> GRADUS_FN T normalizer() const {
    double z = 0.5 * nu, up = 1;
    for (; z < 16; z += 1) up *= (z + 0.5) / z;
    const double r = 1 / z, s = r * r;
    const double series = r * (0.125 + s * (-1.0 / 192 + s * (1.0 / 640 + s * (-17.0 / 14336 + s * (31.0 / 18432)))));
    return log(T(up)) + 0.5 * log(T(0.5 * nu * r)) + (series + 0.91893853320467274);
  }

  template <class T> GRADUS_FN Scored<T, 3> eval(T x, T t, T scale) const {
    const HeavyTail<T> tail(x, t, scale, nu);
    T g = 0.5 * (nu + 1) * tail.slope;
    return {log(scale) + 0.5 * (nu + 1) * tail.value + normalizer<T>(),
            {g, -g, (1.0 - 0.5 * (nu + 1) * tail.outward) / scale}};
  }
};
inline constexpr Loss<StudentTNll> student_t_nll_loss;

}  // namespace gradus
