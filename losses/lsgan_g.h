// The generator of a least-squares generative adversarial network.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct LsganG {
  using Self = LsganG;
  static constexpr Input<Self> inputs[] = {array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "lsgan_g",
      .family = "adversarial",
      .tier = 3,
      .summary = "A generator is to have its samples scored 1, those far on the right side too.",
      .formula = "mean (fake - 1)² / 2",
      .gradient = "(fake - 1) / M",
      .paper = "X. Mao et al., Least Squares Generative Adversarial Networks, 2017",
      .aliases = "",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"fake": [0.0, -2.0, 0.5]})", 1.7083333333333333, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, 0.5, [](T x) { return square_about(x, 1); });
  }
};
inline constexpr Loss<LsganG> lsgan_g;

}  // namespace gradus
