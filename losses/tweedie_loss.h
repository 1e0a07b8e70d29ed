// Tweedie loss: amounts that are often exactly 0.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct TweedieLoss {
  double rho = 1.5;

  using Self = TweedieLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::positive), element("target", range::non_negative)};
  static constexpr Option<Self> options[] = {option("rho", &Self::rho, Range{1, 2, true, true})};

  static constexpr About about = {
      .name = "tweedie_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Between Poisson (rho 1) and gamma (rho 2): insurance claims, rain, of which many are none.",
      .formula = "t mu^(1 - rho) / (rho - 1) + mu^(2 - rho) / (2 - rho), mu = input",
      .gradient = "mu^(1 - rho) (1 - t / mu)",
      .edges = "half the Tweedie deviance up to a constant; a mean that is not positive is a DomainError",
      .paper = "M. Tweedie, An index which distinguishes between some important exponential families, 1984",
  };
  static constexpr Example examples[] = {
      {R"({"input": [4.0], "target": [1.0]})", 5.0, "by hand: 1 / 2 / 0.5 + 2 / 0.5"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T mu, T t) const {
    T below = pow(mu, T(1 - rho));
    return {t * below / (rho - 1) + pow(mu, T(2 - rho)) / (2 - rho), {below * (1.0 - t / mu), below / (rho - 1)}};
  }
};
inline constexpr Loss<TweedieLoss> tweedie_loss;

}  // namespace gradus
