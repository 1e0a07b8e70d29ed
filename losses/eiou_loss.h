// Efficient intersection over union of boxes.
#pragma once
#include "gradus/core/boxes.h"

namespace gradus {

struct EiouLoss {
  double eps = 1e-7;

  static constexpr Input<EiouLoss> inputs[] = {boxes("input"), boxes("target")};
  static constexpr Option<EiouLoss> options[] = {option("eps", &EiouLoss::eps, range::non_negative)};
  void deduce(Extents& e) const { e['D'] = 4; }

  static constexpr About about = {
      .name = "eiou_loss",
      .family = "boxes",
      .tier = 3,
      .summary = "Intersection over union that also pulls the centres and the sides of the boxes together.",
      .formula =
          "1 - IoU + ρ² / c² + (w - w')² / (cw² + eps) + (h - h')² / (ch² + eps), ρ, c, cw and ch as of diou_loss, w "
          "and "
          "h the sides of the boxes",
      .gradient = "that of diou_loss, and of the two quotients by their rule",
      .kinks =
          "equal edges of the two boxes share the slope; boxes that touch or lie apart have no slope in their "
          "intersection",
      .edges = "boxes apart still attract each other and learn the right sides",
      .paper = "Y.-F. Zhang et al., Focal and efficient IOU loss, 2021",
      .aliases = "efficient IoU",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0})", 0.96825396825396825,
       "by hand: equal sides, as diou_loss"},
      {R"({"input": [[0, 0, 2, 1]], "target": [[0, 0, 1, 1]], "eps": 0})", 0.8, "by hand: 1 - 1/2 + (1/4)/5 + 1/4"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Boxes<T> b(c, eps);
    finish_boxes(c, b.distance() + b.sides());
  }
};
inline constexpr Loss<EiouLoss> eiou_loss;

}  // namespace gradus
