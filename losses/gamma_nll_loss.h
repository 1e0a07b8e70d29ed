// Gamma negative log-likelihood: positive answers whose spread grows with their size.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct GammaNll {
  using Self = GammaNll;
  static constexpr Input<Self> inputs[] = {element("input", range::positive), element("target", range::non_negative)};

  static constexpr About about = {
      .name = "gamma_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Regression of positive amounts, such as claims or durations, by their mean.",
      .formula = "log mu + t / mu, mu = input",
      .gradient = "(1 - t / mu) / mu",
      .edges = "half the gamma deviance up to a constant; a mean that is not positive is a DomainError",
      .aliases = "gamma deviance / 2 up to a constant",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0], "target": [1.0]})", 1.1931471805599453, "by hand: log 2 + 1/2"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T mu, T t) {
    return {log(mu) + t / mu, {(1.0 - t / mu) / mu, 1.0 / mu}};
  }
};
inline constexpr Loss<GammaNll> gamma_nll_loss;

}  // namespace gradus
