// The generator beside a critic that learns by hinges.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct GanHingeG {
  using Self = GanHingeG;
  static constexpr Input<Self> inputs[] = {array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "gan_hinge_g",
      .family = "adversarial",
      .tier = 3,
      .summary = "A generator is to raise the critic's score of its samples.",
      .formula = "-mean fake",
      .gradient = "-1 / M",
      .paper = "J. Lim, J. Ye, Geometric GAN, 2017",
      .aliases = "",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"fake": [0.0, -2.0, 0.5]})", 0.5, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, -1, [](T x) { return itself(x); });
  }
};
inline constexpr Loss<GanHingeG> gan_hinge_g;

}  // namespace gradus
