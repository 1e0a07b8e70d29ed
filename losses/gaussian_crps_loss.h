// Continuous ranked probability score of a normal forecast.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct GaussianCrps {
  using Self = GaussianCrps;
  static constexpr Input<Self> inputs[] = {element("input"), element("scale", range::positive), element("target")};

  static constexpr About about = {
      .name = "gaussian_crps_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Rewards a normal forecast for being near and for knowing how near, in the unit of the target.",
      .formula =
          "z = (t - mu)/sigma;  sigma (z (2 Φ(z) - 1) + 2 φ(z) - 1/sqrt(π)), mu = input, sigma = scale, φ and Φ the "
          "normal density and distribution",
      .gradient = "1 - 2 Φ(z);  of the scale: 2 φ(z) - 1/sqrt(π)",
      .edges = "far away the absolute error less sigma/sqrt(π); a scale that is not positive is a DomainError",
      .paper = "T. Gneiting and A. Raftery, Strictly proper scoring rules, 2007",
      .aliases = "crps_gaussian",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.0], "scale": [1.0], "target": [0.0]})", 0.23369497725510914, "by hand: (sqrt(2) - 1)/sqrt(π)"},
      {R"({"input": [1.0], "scale": [0.5], "target": [2.0]})", 0.72639591084295149, "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 3> eval(T mu, T sigma, T t) {
    T e = t - mu, z = e / sigma, side = erf(0.70710678118654752 * z);  // 2 Φ(z) - 1
    T far = select(abs(z) > 64.0, 64.0, abs(z)),
      density = 0.79788456080286536 * exp(-0.5 * far * far);  // 2 φ(z), which is 0 out there
    T spread = density - 0.56418958354775629;
    return {e * side + sigma * spread, {-side, spread, side}};
  }
};
inline constexpr Loss<GaussianCrps> gaussian_crps_loss;

}  // namespace gradus
