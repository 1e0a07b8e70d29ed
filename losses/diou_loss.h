// Distance intersection over union of boxes.
#pragma once
#include "gradus/core/boxes.h"

namespace gradus {

struct DiouLoss {
  double eps = 1e-7;

  static constexpr Input<DiouLoss> inputs[] = {boxes("input"), boxes("target")};
  static constexpr Option<DiouLoss> options[] = {option("eps", &DiouLoss::eps, range::non_negative)};
  void deduce(Extents& e) const { e['D'] = 4; }

  static constexpr About about = {
      .name = "diou_loss",
      .family = "boxes",
      .tier = 3,
      .summary = "Intersection over union that also pulls the centres of the boxes together.",
      .formula =
          "1 - IoU + ρ² / c², ρ the distance of the centres, c² = cw² + ch² + eps, cw and ch the sides of the "
          "smallest box around both; IoU = I / (U + eps)",
      .gradient = "-dIoU + (dρ² c² - ρ² dc²) / c⁴",
      .kinks =
          "equal edges of the two boxes share the slope; boxes that touch or lie apart have no slope in their "
          "intersection",
      .edges = "boxes apart still attract each other",
      .paper = "Z. Zheng et al., Distance-IoU loss, 2020",
      .aliases = "TV distance_box_iou_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0})", 0.96825396825396825,
       "by hand: 1 - 1/7 + 2/18"},
      {R"({"input": [[0, 0, 1, 1]], "target": [[3, 0, 4, 1]], "eps": 0})", 1.5294117647058823, "by hand: 1 + 9/17"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Boxes<T> b(c, eps);
    finish_boxes(c, b.distance());
  }
};
inline constexpr Loss<DiouLoss> diou_loss;

}  // namespace gradus
