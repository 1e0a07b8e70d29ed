// ArcFace: softmax over cosines, the right angle widened by a margin.
#pragma once
#include <math.h>

#include "gradus/core/pairs.h"

namespace gradus {

struct ArcFaceLoss {
  double margin = 0.5, scale = 64.0;

  using Self = ArcFaceLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("weight", "CD"),
                                           indices<Self>("target", "N", 'C')};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin, Range{0, 3.141592653589793}),
                                             option("scale", &Self::scale, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "arcface_loss",
      .family = "metric learning",
      .tier = 3,
      .summary =
          "Cross-entropy of scaled cosines to class vectors, where the angle to the right one counts as wider by a "
          "margin.",
      .formula =
          "cross-entropy of scale c_j, but for the target cos(θ + margin) where θ + margin <= π, else c - margin "
          "sin(margin)",
      .gradient =
          "to the cosines: scale (softmax_j - [j = y]), for the target times sin(θ + margin) / sin(θ), else times 1",
      .kinks =
          "jumps at θ + margin = π; at θ = 0 and θ = π the gradient is that of cos(margin) c; the cosine with a zero "
          "vector is 0 without gradient",
      .edges =
          "sin(θ) comes from the difference of the unit vectors, so that small angles keep their digits; a single "
          "class: 0",
      .paper =
          "J. Deng, J. Guo, N. Xue, S. Zafeiriou, ArcFace: Additive Angular Margin Loss for Deep Face Recognition, "
          "2019",
      .aliases = "PML ArcFaceLoss (28.6 degrees)",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "weight": [[1.0, 0.0], [0.0, 3.0]], "target": [0], "margin": 1.0471975511965976, "scale": 2.0})",
       0.31326168751822286, "by hand: a margin of 60 degrees makes the logits 1 and 0"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), weight(c, 1, true);
    const int64_t classes = weight.n, d = x.d;
    const Array<T> s = dots(c, x, weight);
    const double cos_m = ::cos(margin), sin_m = ::sin(margin);
    T* room = c.scratch(2 * classes);
    for (int64_t i = 0; i < x.n; ++i) {
      const int64_t y = c.whole[2](i);
      const T cosine = s(i, y);
      const T product = c.total(d, [&](int64_t k) { return square(x(i, k) - weight(y, k)); }) *
                        c.total(d, [&](int64_t k) { return square(x(i, k) + weight(y, k)); });
      const auto straight = product == 0.0, within = cosine >= -cos_m;
      const T sine = select(straight, 0.0, 0.5 * sqrt(select(straight, 1.0, product)));
      c.once([&] { s(i, y) = select(within, cosine * cos_m - sine * sin_m, cosine - margin * sin_m); });
      const T slope = select(within, cos_m + select(straight, 0.0, cosine * sin_m / select(straight, 1.0, sine)), 1.0);
      const auto own = [y](int64_t j) { return j == y; };
      const auto other = [y](int64_t j) { return j != y; };
      c.value(i) = contrast(c, s.data + i * classes, classes, T(scale), c.up(i), room, own, other).value;
      c.once([&] { s(i, y) = s(i, y) * slope; });
    }
    dots_back(c, s, x, weight);
    x.settle(c), weight.settle(c);
  }
};
inline constexpr Loss<ArcFaceLoss> arcface_loss;

}  // namespace gradus
