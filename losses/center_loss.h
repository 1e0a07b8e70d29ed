// Center loss: every row near the centre of its class.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct CenterLoss {
  using Self = CenterLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("centers", "CD"),
                                           indices<Self>("labels", "N", 'C')};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "center_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Half the squared distance of each row to the centre of its class, which is learned.",
      .formula = "|x_i - c_y|² / 2",
      .gradient = "x_i - c_y to the row, the negative sum of these to the centre",
      .paper =
          "Y. Wen, K. Zhang, Z. Li, Y. Qiao, A Discriminative Feature Learning Approach for Deep Face Recognition, "
          "2016",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 4.0]], "centers": [[9.0, 9.0], [0.0, 0.0]], "labels": [1]})", 12.5, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), centers(c, 1);
    for (int64_t i = 0; i < x.n; ++i) {
      const int64_t y = c.whole[2](i);
      c.value(i) = 0.5 * c.total(x.d, [&](int64_t k) { return square(x(i, k) - centers(y, k)); });
      c.each(x.d, [&](int64_t k) {
        const T g = c.up(i) * (x(i, k) - centers(y, k));
        if (x.grad) x.grad[i * x.d + k] += g;
        if (centers.grad) centers.grad[y * x.d + k] += -g;
      });
    }
  }
};
inline constexpr Loss<CenterLoss> center_loss;

}  // namespace gradus
