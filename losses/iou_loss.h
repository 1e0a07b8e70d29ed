// Intersection over union of boxes.
#pragma once
#include "gradus/core/boxes.h"

namespace gradus {

// Under a name that the option does not hide.
template <class T> GRADUS_ANYWHERE T logarithm(T x) { return log(x); }

struct IouLoss {
  double eps = 1e-7;
  bool log = false;

  static constexpr Input<IouLoss> inputs[] = {boxes("input"), boxes("target")};
  static constexpr Option<IouLoss> options[] = {option("eps", &IouLoss::eps, range::non_negative),
                                                option("log", &IouLoss::log)};
  void deduce(Extents& e) const { e['D'] = 4; }

  static constexpr About about = {
      .name = "iou_loss",
      .family = "boxes",
      .tier = 3,
      .summary = "Boxes (x1, y1, x2, y2) shall cover each other, whatever their size.",
      .formula = "1 - I / (U + eps), I the intersection of the boxes, U their union; with `log`: -log(I / (U + eps))",
      .gradient = "-(dI U' - I dU) / U'², U' = U + eps; with `log` that over the IoU",
      .kinks =
          "equal edges of the two boxes share the slope; boxes that touch or lie apart have no slope in their "
          "intersection",
      .edges = "boxes apart: 1 with gradient 0; with `log` infinity with gradient 0",
      .paper = "J. Yu et al., UnitBox: An advanced object detection network, 2016 (log)",
      .aliases = "1-IoU; UnitBox (log)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0})", 0.85714285714285714,
       "by hand: 1 - 1/7"},
      {R"({"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, 1.0, 3.0, 3.0]], "eps": 0, "log": true})",
       1.9459101490553132, "by hand: log 7"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Boxes<T> b(c, eps);
    const OfBoxes<T> iou = b.iou();
    if (!log) return finish_boxes(c, OfBoxes<T>(1.0) - iou);
    auto apart = iou.v == 0.0;
    T some = select(apart, 1.0, iou.v);
    OfBoxes<T> loss(select(apart, T::infinity(), -logarithm(some)));
    for (int i = 0; i < 8; ++i) loss.d[i] = select(apart, 0.0, -iou.d[i] / some);
    finish_boxes(c, loss);
  }
};
inline constexpr Loss<IouLoss> iou_loss;

}  // namespace gradus
