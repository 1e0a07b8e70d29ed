// Debiased contrastive loss: some negatives are positives in disguise, and their share is taken out.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/contrastive.h"

namespace gradus {

struct DebiasedContrastiveLoss {
  Param extra_positive = none;
  double eta_plus = 0.1, temperature = 0.5;

  using Self = DebiasedContrastiveLoss;
  static constexpr Input<Self> inputs[] = {array("positive", "*"), array("negative", "*K"),
                                           optional(array("extra_positive", "*M", &Self::extra_positive))};
  static constexpr Option<Self> options[] = {option("eta_plus", &Self::eta_plus, Range{0, 1, false, true}),
                                             option("temperature", &Self::temperature, range::positive)};

  static constexpr About about = {
      .name = "debiased_contrastive_loss",
      .family = "contrastive",
      .summary = "InfoNCE corrected for the share eta_plus of negatives that are really positives.",
      .formula =
          "R = mean_k exp(negative);  h = max((R - eta_plus mean_m exp(extra)) / (1 - eta_plus), exp(-1 / "
          "temperature));  log(exp(s) + K h) - s a row of a positive s and K negatives, all divided by the "
          "temperature before; extra is s by default",
      .gradient =
          "A = exp(s) + K h;  exp(s) / A - 1 to s;  K / ((1 - eta_plus) A) dR to the negatives; 0 where h is clamped",
      .kinks = "where h reaches its least value; there it counts as free",
      .edges =
          "sums are relative to their largest term; without negatives 0; temperature is only in the least h, the "
          "similarities are divided by it before",
      .paper = "C. Chuang et al., Debiased Contrastive Learning, 2020",
      .aliases = "DCL (Chuang)",
  };
  static constexpr Example examples[] = {
      {R"({"positive": [1.0], "negative": [[0.5, -0.5, 0.0]]})", 0.69177972436915079, "mpmath"},
      {R"({"positive": [1.0], "negative": [[0.5, -0.5, 0.0]], "extra_positive": [[0.5, 1.5]], "eta_plus": 0.25})",
       0.38464614484664459, "mpmath"},
      {R"({"positive": [1.0], "negative": [[-5.0, -6.0]]})", 0.094922956420960891, "mpmath: clamped"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    DebiasedContrast{0.0, eta_plus, temperature}.solve(c);
  }
};
inline constexpr Loss<DebiasedContrastiveLoss> debiased_contrastive_loss;

}  // namespace gradus
