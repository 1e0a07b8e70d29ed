// The discriminator of a generative adversarial network, by cross-entropy.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct GanBceD {
  using Self = GanBceD;
  static constexpr Input<Self> inputs[] = {array("real", "~N"), array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "gan_bce_d",
      .family = "adversarial",
      .tier = 3,
      .summary = "A critic is to tell real samples from generated ones, both as logits.",
      .formula = "mean softplus(-real) + mean softplus(fake)",
      .gradient = "-sigmoid(-real) / N;  sigmoid(fake) / M",
      .paper = "I. Goodfellow et al., Generative Adversarial Nets, 2014",
      .aliases = "discriminator loss",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"real": [1.0, 3.0], "fake": [0.0, -2.0, 0.5]})", 0.7789752448069907, "log1p of Python's math"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, 1, [](T x) { return logistic_against(x); });
    add_mean(c, 1, 1, [](T x) { return logistic_of(x); });
  }
};
inline constexpr Loss<GanBceD> gan_bce_d;

}  // namespace gradus
