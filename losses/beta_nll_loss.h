// Beta negative log-likelihood: a Gaussian one that does not give up where the predicted variance is large.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct BetaNll {
  double beta = 0.5, eps = 1e-6;

  using Self = BetaNll;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"), element("var", range::non_negative)};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::unit),
                                             option("eps", &Self::eps, range::positive)};

  static constexpr About about = {
      .name = "beta_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Gaussian likelihood that does not give up where the predicted variance is large.",
      .formula = "v = max(var, eps);  v^beta (log v + (x - t)²/v)/2, with v^beta held constant",
      .gradient = "v^beta (x - t)/v;  of var: v^beta (1/v - (x - t)²/v²)/2 where var > eps, else 0",
      .kinks = "at var = eps: 0",
      .edges = "a negative variance is a DomainError",
      .paper = "M. Seitzer et al., On the Pitfalls of Heteroscedastic Uncertainty Estimation, 2022",
      .aliases = "beta-NLL",
      .frozen = "the weight v^beta",
  };
  static constexpr Example examples[] = {
      {R"({"input": [3.0], "target": [1.0], "var": [4.0]})", 2.3862943611198906, "by hand: 2 (log 4 + 1) / 2"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T x, T t, T var) const {
    auto floored = var <= eps;
    T v = select(floored, eps, var), log_v = log(v), w = frozen(exp(beta * log_v)), e = x - t, g = e / v;
    return {w * (0.5 * (log_v + e * g)), {w * g, -w * g, select(floored, 0.0, w * (0.5 * (1.0 - e * g) / v))}};
  }
};
inline constexpr Loss<BetaNll> beta_nll_loss;

}  // namespace gradus
