// Complete intersection over union of boxes.
#pragma once
#include "gradus/core/boxes.h"

namespace gradus {

struct CiouLoss {
  double eps = 1e-7;
  bool total = false;

  static constexpr Input<CiouLoss> inputs[] = {boxes("input"), boxes("target")};
  static constexpr Option<CiouLoss> options[] = {option("eps", &CiouLoss::eps, range::non_negative),
                                                 option("total", &CiouLoss::total)};
  void deduce(Extents& e) const { e['D'] = 4; }

  static constexpr About about = {
      .name = "ciou_loss",
      .family = "boxes",
      .tier = 3,
      .summary = "Intersection over union that also pulls the centres together and matches the aspect ratios.",
      .formula = "diou_loss + α v, v = (4/π²) (atan(wg/hg) - atan(w/h))², α = v / (1 - IoU + v + eps)",
      .gradient = "that of diou_loss + α dv: α is a constant; with `total` it is differentiated too",
      .kinks =
          "equal edges of the two boxes share the slope; boxes that touch or lie apart have no slope in their "
          "intersection",
      .edges =
          "α is a stop-gradient by definition, so that without `total` the gradient is not the derivative of the "
          "value; a box without area has the aspect ratio 0",
      .paper = "Z. Zheng et al., Distance-IoU loss, 2020",
      .aliases = "TV complete_box_iou_loss",
      .frozen = "α, unless `total`",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0})", 0.96825396825396825,
       "by hand: 1 - 1/7 + 2/18, equal aspect ratios"},
      {R"({"input": [[0, 0, 2, 1]], "target": [[0, 0, 1, 1]], "eps": 0})", 0.553248129298557007, "mpmath"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    using Q = OfBoxes<T>;
    const Boxes<T> b(c, eps);
    const Q turn = angle(b.other_width(), b.other_height()) - angle(b.width(), b.height());
    const Q v = Q(0.4052847345693511) * turn * turn;  // 4 / π²
    const Q alpha = v / (Q(1.0) - b.iou() + v + Q(eps));
    finish_boxes(c, b.distance() + (total ? alpha : Q(frozen(alpha.v))) * v);
  }
};
inline constexpr Loss<CiouLoss> ciou_loss;

}  // namespace gradus
