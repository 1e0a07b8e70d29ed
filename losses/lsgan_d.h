// The critic of a least-squares generative adversarial network.
#pragma once
#include "gradus/core/critics.h"

namespace gradus {

struct LsganD {
  using Self = LsganD;
  static constexpr Input<Self> inputs[] = {array("real", "~N"), array("fake", "~M")};
  static constexpr const char* result = "";

  static constexpr About about = {
      .name = "lsgan_d",
      .family = "adversarial",
      .tier = 3,
      .summary = "A critic is to score real samples 1 and generated ones 0.",
      .formula = "mean (real - 1)² / 2 + mean fake² / 2",
      .gradient = "(real - 1) / N;  fake / M",
      .paper = "X. Mao et al., Least Squares Generative Adversarial Networks, 2017",
      .aliases = "",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"real": [1.0, 3.0], "fake": [0.0, -2.0, 0.5]})", 1.7083333333333335, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    add_mean(c, 0, 0.5, [](T x) { return square_about(x, 1); });
    add_mean(c, 1, 0.5, [](T x) { return square_about(x, 0); });
  }
};
inline constexpr Loss<LsganD> lsgan_d;

}  // namespace gradus
