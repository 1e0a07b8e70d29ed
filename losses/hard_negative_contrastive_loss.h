// Hard-negative contrastive loss: debiased, and the negatives that score high weigh more.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/contrastive.h"

namespace gradus {

struct HardNegativeContrastiveLoss {
  Param extra_positive = none;
  double beta = 1, eta_plus = 0.1, temperature = 0.5;

  using Self = HardNegativeContrastiveLoss;
  static constexpr Input<Self> inputs[] = {array("positive", "*"), array("negative", "*K"),
                                           optional(array("extra_positive", "*M", &Self::extra_positive))};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::non_negative),
                                             option("eta_plus", &Self::eta_plus, Range{0, 1, false, true}),
                                             option("temperature", &Self::temperature, range::positive)};

  static constexpr About about = {
      .name = "hard_negative_contrastive_loss",
      .family = "contrastive",
      .summary = "The debiased contrastive loss with negatives weighed by exp(beta s): the harder, the more.",
      .formula =
          "R = Σ_k exp((beta + 1) negative) / Σ_k exp(beta negative);  h = max((R - eta_plus mean_m exp(extra)) / (1 "
          "- eta_plus), exp(-1 / temperature));  log(exp(s) + K h) - s a row of a positive s and K negatives, all "
          "divided by the temperature before; extra is s by default",
      .gradient =
          "A = exp(s) + K h;  exp(s) / A - 1 to s;  K / ((1 - eta_plus) A) dR to the negatives; 0 where h is clamped",
      .kinks = "where h reaches its least value; there it counts as free",
      .edges =
          "sums are relative to their largest term; without negatives 0; temperature is only in the least h, the "
          "similarities are divided by it before",
      .paper = "J. Robinson et al., Contrastive Learning with Hard Negative Samples, 2021",
      .aliases = "HCL (Robinson)",
  };
  static constexpr Example examples[] = {
      {R"({"positive": [1.0], "negative": [[0.5, -0.5, 0.0]]})", 0.79115278306708994, "mpmath"},
      {R"({"positive": [1.0], "negative": [[0.5, -0.5, 0.0]], "extra_positive": [[0.5, 1.5]], "eta_plus": 0.25, "beta": 0.5})",
       0.46804244692126947, "mpmath"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    DebiasedContrast{beta, eta_plus, temperature}.solve(c);
  }
};
inline constexpr Loss<HardNegativeContrastiveLoss> hard_negative_contrastive_loss;

}  // namespace gradus
