// The critic of a generative adversarial network, by hinges.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct GanHingeD {
  using Self = GanHingeD;
  static constexpr Input<Self> inputs[] = {array("real", "~N"), array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "gan_hinge_d",
      .family = "adversarial",
      .tier = 3,
      .summary = "A critic is to score real samples above 1 and generated ones below -1.",
      .formula = "mean [1 - real]+ + mean [1 + fake]+",
      .gradient = "-1 / N where real < 1;  1 / M where fake > -1",
      .kinks = "at real = 1 and fake = -1, where the slope is 0",
      .paper = "J. Lim, J. Ye, Geometric GAN, 2017",
      .aliases = "SAGAN; BigGAN",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"real": [1.0, 3.0], "fake": [0.0, -2.0, 0.5]})", 0.8333333333333334, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, 1, [](T x) { return hinge_of(x, -1); });
    add_mean(c, 1, 1, [](T x) { return hinge_of(x, 1); });
  }
};
inline constexpr Loss<GanHingeD> gan_hinge_d;

}  // namespace gradus
