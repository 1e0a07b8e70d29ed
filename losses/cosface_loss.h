// CosFace: softmax over cosines, the right one less a margin.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct CosFaceLoss {
  double margin = 0.35, scale = 64.0;

  using Self = CosFaceLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "cosface_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Cross-entropy of scaled cosines to class vectors, where the right class has to win by a margin.",
      .formula = "cross-entropy of scale (cos(x, w_c) - margin [c = y])",
      .gradient = "to the cosines: scale (softmax_c - [c = y])",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "a single class: 0",
      .paper = "H. Wang et al., CosFace: Large Margin Cosine Loss for Deep Face Recognition, 2018",
      .aliases = "AM-Softmax; PML CosFaceLoss",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "weight": [[1.0, 0.0], [0.0, 3.0]], "target": [0], "margin": 0.5, "scale": 2.0})",
       0.31326168751822286, "by hand: the logits are 1 and 0"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), weight(c, 1, true);
    const int64_t classes = weight.n;
    const Array<T> s = dots(c, x, weight);
    T* room = c.scratch(2 * classes);
    for (int64_t i = 0; i < x.n; ++i) {
      const int64_t y = c.whole[2](i);
      c.add(s(i, y), -margin);
      const auto own = [y](int64_t j) { return j == y; };
      const auto other = [y](int64_t j) { return j != y; };
      c.value(i) = contrast(c, s.data + i * classes, classes, T(scale), c.up(i), room, own, other).value;
    }
    dots_back(c, s, x, weight);
    x.settle(c), weight.settle(c);
  }
};
inline constexpr Loss<CosFaceLoss> cosface_loss;

}  // namespace gradus
