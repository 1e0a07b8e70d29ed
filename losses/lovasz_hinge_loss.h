// Lovász hinge: the Jaccard loss of a binary segmentation, made convex in the logits.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/lovasz.h"

namespace gradus {

struct LovaszHingeLoss {
  bool per_image = false;

  using Self = LovaszHingeLoss;
  static constexpr Input<Self> inputs[] = {array("input", "BC|B|BCD|BCDE"),
                                           constant(array("target", "BC|B|BCD|BCDE", range::zero_or_one))};
  static constexpr Option<Self> options[] = {option("per_image", &Self::per_image)};

  static constexpr About about = {
      .name = "lovasz_hinge_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Optimises the intersection over union of a binary segmentation from logits.",
      .formula =
          "e = 1 - (2y - 1) x in descending order, Δ_k the rise of the Jaccard loss when the k-th is wrong too;  Σ Δ "
          "[e]+ over all pixels, or with per_image the mean over the first axis of each one's own",
      .gradient = "-(2y - 1) Δ where e > 0",
      .kinks =
          "where two errors tie, of which the first counts as the larger, and where an error is 0, which has gradient "
          "0",
      .edges = "without foreground only the largest error counts; 0 without pixels",
      .paper = "M. Berman et al., The Lovász-Softmax loss, 2018",
      .aliases = "lovasz_hinge",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5, -2.0, 1.0], "target": [1.0, 0.0, 0.0]})", 1.25, "by hand: errors 2 and 0.5 of Δ 1/2 and 1/2"},
      {R"({"input": [0.5, 3.0], "target": [0.0, 0.0]})", 4.0, "by hand: without foreground the largest error"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &x = c.in[0], &y = c.in[1];
    const int64_t pixels = x.size(), images = per_image ? x.extent[0] : 1;
    if (pixels == 0) {
      c.count() = 0.0;
      return;
    }
    const int64_t n = pixels / images;
    int64_t* order = c.integers(n);
    T *error = c.scratch(n), *hinge = c.scratch(n), *slope = c.scratch(n);
    for (int64_t first = 0; first < pixels; first += n) {
      const auto wanted = [&](int64_t i) { return holds(y.data[first + i] == 1.0); };
      c.each(n, [&](int64_t i) {
        error[i] = 1.0 - (wanted(i) ? x.data[first + i] : -x.data[first + i]);
        hinge[i] = positive(error[i]);
      });
      c.add(c.value(), lovasz(c, error, hinge, wanted, n, order, slope) / double(images));
      if (!c.grad[0]) continue;
      const T up = c.up() / double(images);
      c.each(n, [&](int64_t i) {
        c.grad[0].data[first + i] = select(error[i] > 0.0, (wanted(i) ? -slope[i] : slope[i]) * up, 0.0);
      });
    }
  }
};
inline constexpr Loss<LovaszHingeLoss> lovasz_hinge_loss;

}  // namespace gradus
