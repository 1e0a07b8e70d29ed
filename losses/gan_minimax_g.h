// The generator of a generative adversarial network, as the minimax game has it.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct GanMinimaxG {
  using Self = GanMinimaxG;
  static constexpr Input<Self> inputs[] = {array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "gan_minimax_g",
      .family = "adversarial",
      .tier = 3,
      .summary = "The generator's own side of the game; its slope fades where the critic is sure.",
      .formula = "-mean softplus(fake)",
      .gradient = "-sigmoid(fake) / M",
      .paper = "I. Goodfellow et al., Generative Adversarial Nets, 2014",
      .aliases = "",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"fake": [0.0, -2.0, 0.5]})", -0.5980507252610082, "log1p of Python's math"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, -1, [](T x) { return logistic_of(x); });
  }
};
inline constexpr Loss<GanMinimaxG> gan_minimax_g;

}  // namespace gradus
