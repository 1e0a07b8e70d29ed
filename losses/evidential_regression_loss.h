// Deep evidential regression: a network that predicts how sure it is of its prediction, and of that.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/gamma_ratio.h"

namespace gradus {

struct EvidentialRegression {
  double lam = 0.1;

  using Self = EvidentialRegression;
  static constexpr Input<Self> inputs[] = {element("gamma"), element("nu", range::positive),
                                           element("alpha", Range{1, range::inf, true}),
                                           element("beta", range::positive), constant(element("target"))};
  static constexpr Option<Self> options[] = {option("lam", &Self::lam, range::non_negative)};

  static constexpr About about = {
      .name = "evidential_regression_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Fits a normal-inverse-gamma prior over mean and variance, and makes wrong evidence costly.",
      .formula =
          "d = t - gamma, O = 2 beta (1 + nu), Q = d² nu + O;  log(π/nu)/2 - alpha log O + (alpha + 1/2) log Q + log "
          "Γ(alpha) - log Γ(alpha + 1/2) + lam |d| (2 nu + alpha)",
      .gradient =
          "-(2 alpha + 1) d nu/Q - lam sign(d) (2 nu + alpha);  of nu: -1/(2 nu) - alpha/(1 + nu) + (alpha + 1/2)(d² + "
          "2 "
          "beta)/Q + 2 lam |d|;  of alpha: log(Q/O) + ψ(alpha) - ψ(alpha + 1/2) + lam |d|;  of beta: ((alpha + 1/2) "
          "O/Q - "
          "alpha)/beta",
      .kinks = "0 is taken at d = 0",
      .edges = "neither a large nor a small d overflows; alpha of 1 or less, nu or beta of 0 or less are DomainErrors",
      .paper = "A. Amini et al., Deep evidential regression, 2020",
      .aliases = "deep evidential regression",
  };
  static constexpr Example examples[] = {
      {R"({"gamma": [1.0], "nu": [2.0], "alpha": [30.0], "beta": [0.5], "target": [1.0]})", -0.92133472002261704,
       "mpmath"},
      {R"({"gamma": [0.5], "nu": [1.0], "alpha": [2.0], "beta": [1.5], "target": [2.0]})", 2.5796961348621446,
       "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 4> eval(T gamma, T nu, T alpha, T beta, T t) const {
    const GammaRatio<T> half(alpha, T(0.5));
    T d = t - gamma, way = select(d > 0.0, T(1.0), select(d < 0.0, T(-1.0), 0.0 * d)), size = abs(d), k = alpha + 0.5;
    T w = d / (2.0 * beta) / (1.0 + 1.0 / nu), u = d * w;  // u = Q/O - 1
    T bent = log1p(u);
    auto far = u > 1.0;  // where u may be infinite
    T near_slope = select(far, 0.0, w) / (1.0 + select(far, 0.0, u));
    T slope = select(far, 1.0 / (1.0 / select(far, w, 1.0) + d), near_slope);  // w/(1 + u)
    T kept = 1.0 / (1.0 + u), spread = 1.0 / (1.0 + d * (d / (2.0 * beta)));
    T evidence = 2.0 * nu + alpha;
    T value = 0.57236494292470009 - 0.5 * log(nu) + k * bent + 0.5 * (log(2.0 * beta) + log1p(nu)) - half.value +
              lam * size * evidence;
    return {
        value,
        {-2.0 * k * slope - lam * way * evidence, -0.5 / nu - alpha / (1.0 + nu) + k / (nu + spread) + 2.0 * lam * size,
         bent - half.along_start + lam * size, (k * kept - alpha) / beta}};
  }
};
inline constexpr Loss<EvidentialRegression> evidential_regression_loss;

}  // namespace gradus
