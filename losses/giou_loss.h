// Generalized intersection over union of boxes.
#pragma once
#include "gradus/core/boxes.h"

namespace gradus {

struct GiouLoss {
  double eps = 1e-7;

  static constexpr Input<GiouLoss> inputs[] = {boxes("input"), boxes("target")};
  static constexpr Option<GiouLoss> options[] = {option("eps", &GiouLoss::eps, range::non_negative)};
  void deduce(Extents& e) const { e['D'] = 4; }

  static constexpr About about = {
      .name = "giou_loss",
      .family = "boxes",
      .tier = 3,
      .summary = "Intersection over union that also tells boxes apart how far they are.",
      .formula =
          "1 - I / (U + eps) + (C - U) / (C + eps), I and U the intersection and union, C the smallest box around both",
      .gradient = "-dIoU + (dC (U + eps) - dU (C + eps)) / (C + eps)²",
      .kinks =
          "equal edges of the two boxes share the slope; boxes that touch or lie apart have no slope in their "
          "intersection",
      .edges = "between 0 and 2",
      .paper = "H. Rezatofighi et al., Generalized intersection over union, 2019",
      .aliases = "TV generalized_box_iou_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0})", 1.07936507936507937,
       "by hand: 1 - 1/7 + 2/9"},
      {R"({"input": [[0, 0, 1, 1]], "target": [[3, 0, 4, 1]], "eps": 0})", 1.5, "by hand: 1 + 2/4"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Boxes<T> b(c, eps);
    const OfBoxes<T> i = b.intersection(), u = b.united(i), around = b.around_width() * b.around_height();
    finish_boxes(c, OfBoxes<T>(1.0) - i / (u + OfBoxes<T>(eps)) + (around - u) / (around + OfBoxes<T>(eps)));
  }
};
inline constexpr Loss<GiouLoss> giou_loss;

}  // namespace gradus
