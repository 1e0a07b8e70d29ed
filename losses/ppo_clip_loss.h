// Proximal policy optimisation: the clipped surrogate objective, as a loss.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct ProximalPolicy {
  double eps_low = 0.2, eps_high = 0.2;

  using Self = ProximalPolicy;
  static constexpr Input<Self> inputs[] = {element("log_prob"), constant(element("old_log_prob")),
                                           constant(element("advantage"))};
  static constexpr Option<Self> options[] = {option("eps_low", &Self::eps_low, range::non_negative),
                                             option("eps_high", &Self::eps_high, range::non_negative)};

  static constexpr About about = {
      .name = "ppo_clip_loss",
      .family = "policy and preference",
      .tier = 3,
      .summary = "Policy gradient that gains nothing from moving a probability too far from what it was.",
      .formula = "r = exp(log_prob - old_log_prob);  -min(r A, clip(r, 1 - eps_low, 1 + eps_high) A)",
      .gradient = "-A r where A >= 0 and r <= 1 + eps_high, or A < 0 and r >= 1 - eps_low; else 0",
      .kinks = "at the clip the slope inside is taken",
      .edges = "no gradient flows to old_log_prob and advantage; the ratio itself is not bounded",
      .paper = "J. Schulman et al., Proximal Policy Optimization Algorithms, 2017",
      .aliases = "PPO",
  };
  static constexpr Example examples[] = {
      {R"({"log_prob": [-1.0, -0.5, -1.0], "old_log_prob": [-1.0, -1.0, -0.5], )"
       R"("advantage": [2.0, 1.0, -1.0], "reduction": "sum"})",
       -2.4, "by hand: -2 - 1.2 + 0.8"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T log_prob, T old_log_prob, T advantage) const {
    T r = exp(log_prob - old_log_prob), gain = -advantage;
    auto good = advantage >= 0.0;
    T bound = select(good, T(1 + eps_high), 1 - eps_low);
    auto clipped = (good & (r > bound)) | ((!good) & (r < bound));
    return {gain * select(clipped, bound, r), {select(clipped, 0.0, gain * r)}};
  }
};
inline constexpr Loss<ProximalPolicy> ppo_clip_loss;

}  // namespace gradus
