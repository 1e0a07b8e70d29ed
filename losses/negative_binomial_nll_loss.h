// Negative binomial negative log-likelihood: counts whose spread exceeds their mean.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/gamma_ratio.h"

namespace gradus {

struct NegativeBinomialNll {
  using Self = NegativeBinomialNll;
  static constexpr Input<Self> inputs[] = {element("input", range::non_negative),
                                           element("dispersion", range::positive),
                                           constant(element("target", range::non_negative))};

  static constexpr About about = {
      .name = "negative_binomial_nll_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Regression of counts that vary more than Poisson's: by their mean and a dispersion.",
      .formula =
          "log Γ(a) + log Γ(t + 1) - log Γ(t + a) - a log(a/(a + mu)) - t log(mu/(a + mu)), mu = input, a = dispersion",
      .gradient = "a (mu - t)/(mu (a + mu));  of the dispersion: ψ(a) - ψ(t + a) + log(1 + mu/a) + (t - mu)/(a + mu)",
      .edges =
          "a large dispersion is Poisson's likelihood; a mean of 0 is infinite for every count but 0; the variance is "
          "mu "
          "+ mu²/a",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0], "dispersion": [1.0], "target": [3.0]})", 2.3150076129926028,
       "by hand: geometric, -log((1/3) (2/3)³)"},
      {R"({"input": [2.5], "dispersion": [1000000.0], "target": [4.0]})", 2.0128917778510337, "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T mu, T a, T t) {
    const GammaRatio<T> ratio(a, t);
    T both = a + mu, bent = log1p(mu / a);
    auto none = t == 0.0;  // then the mean may be 0 as well
    T by_mean = select(none, 0.0, select(none, 1.0, t) / select(none, 1.0, mu));
    T value =
        lgamma(t + 1.0) - ratio.value + a * bent + select(none, 0.0, t * (log(both) - log(select(none, 1.0, mu))));
    return {value, {a / both * (1.0 - by_mean), bent - ratio.along_start + (t - mu) / both}};
  }
};
inline constexpr Loss<NegativeBinomialNll> negative_binomial_nll_loss;

}  // namespace gradus
