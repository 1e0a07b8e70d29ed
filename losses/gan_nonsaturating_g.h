// The generator of a generative adversarial network, in the form that learns.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct GanNonsaturatingG {
  using Self = GanNonsaturatingG;
  static constexpr Input<Self> inputs[] = {array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "gan_nonsaturating_g",
      .family = "adversarial",
      .tier = 3,
      .summary = "A generator is to make the critic call its samples real; its slope does not fade while it fails.",
      .formula = "mean softplus(-fake)",
      .gradient = "-sigmoid(-fake) / M",
      .paper = "I. Goodfellow et al., Generative Adversarial Nets, 2014",
      .aliases = "",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"fake": [0.0, -2.0, 0.5]})", 1.0980507252610083, "log1p of Python's math"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, 1, [](T x) { return logistic_against(x); });
  }
};
inline constexpr Loss<GanNonsaturatingG> gan_nonsaturating_g;

}  // namespace gradus
