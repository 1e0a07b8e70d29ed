// Generalised Dice loss: all classes of a segmentation at once, rare ones weighing as much as common ones.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct GeneralizedDiceLoss {
  double eps = 1e-6;

  using Self = GeneralizedDiceLoss;
  static constexpr Input<Self> inputs[] = {array("input", "NCD|NCDE|NC", range::unit),
                                           constant(array("target", "NCD|NCDE|NC", range::unit))};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "generalized_dice_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Dice over all classes of a sample together, each weighed by the inverse square of its size.",
      .formula =
          "1 - 2 Σ_c w_c I_c / Σ_c w_c (P_c + Y_c), I = Σ p y, P = Σ p, Y = Σ y, w = 1 / (Y² + eps), a sample each",
      .gradient = "w_c (1 - 2 y - L) / Σ_c w_c (P_c + Y_c); the target is held constant",
      .edges = "computed from what only one mask holds, so that nothing cancels; where all masks are empty: 0",
      .paper = "C. Sudre et al., Generalised Dice overlap as a deep learning loss function, 2017",
      .aliases = "GDL; MONAI GeneralizedDiceLoss",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[[0.5, 1.0]]], "target": [[[1.0, 1.0]]]})", 1.0 / 7, "by hand: 1 - 3 / 3.5"},
      {R"({"input": [[[0.5], [0.5]]], "target": [[[1.0], [0.0]]], "eps": 1.0})", 0.6,
       "by hand: w = 1/2 and 1, (0.25 + 0.5) / (0.75 + 0.5)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Array<T>&p = c.in[0], &y = c.in[1];
    const int64_t samples = p.extent[0], classes = p.extent[1], pixels = p.extent[2] * p.extent[3];
    T* weight = c.scratch(classes);
    for (int64_t n = 0; n < samples; ++n) {
      T apart = 0.0, all = 0.0;
      for (int64_t k = 0; k < classes; ++k) {
        const int64_t at = (n * classes + k) * pixels;
        const auto sum = [&](auto f) { return c.total(pixels, [&](int64_t i) { return f(p(at + i), y(at + i)); }); };
        weight[k] = 1.0 / (square(sum([](T, T y) { return y; })) + eps);
        apart = apart + weight[k] * sum([](T p, T y) { return p * (1.0 - y) + (1.0 - p) * y; });
        all = all + weight[k] * sum([](T p, T y) { return p + y; });
      }
      if (holds(all == 0.0)) continue;
      const T loss = apart / all;
      c.value(n) = loss;
      if (!c.grad[0]) continue;
      c.each(classes * pixels, [&](int64_t i) {
        const int64_t at = n * classes * pixels + i;
        c.grad[0](at) = c.up(n) * weight[i / pixels] * (1.0 - 2.0 * y(at) - loss) / all;
      });
    }
  }
};
inline constexpr Loss<GeneralizedDiceLoss> generalized_dice_loss;

}  // namespace gradus
