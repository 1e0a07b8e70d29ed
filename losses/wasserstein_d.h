// The critic of a Wasserstein generative adversarial network.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct WassersteinD {
  using Self = WassersteinD;
  static constexpr Input<Self> inputs[] = {array("real", "~N"), array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "wasserstein_d",
      .family = "adversarial",
      .tier = 3,
      .summary =
          "A critic is to score real samples far above generated ones; it must be kept Lipschitz by other means.",
      .formula = "mean fake - mean real",
      .gradient = "-1 / N;  1 / M",
      .paper = "M. Arjovsky, S. Chintala, L. Bottou, Wasserstein GAN, 2017",
      .aliases = "WGAN critic",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"real": [1.0, 3.0], "fake": [0.0, -2.0, 0.5]})", -2.5, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, -1, [](T x) { return itself(x); });
    add_mean(c, 1, 1, [](T x) { return itself(x); });
  }
};
inline constexpr Loss<WassersteinD> wasserstein_d;

}  // namespace gradus
