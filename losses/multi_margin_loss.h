// Multi-class margin loss: every wrong class shall score below the right one by a margin.
#pragma once
#include "gradus/core/scores.h"

namespace gradus {

struct MultiMargin {
  Param weight = 1.0, margin = 1.0;
  int64_t p = 1;

  using Self = MultiMargin;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), indices<Self>("target", "*", 'C'),
                                           array("weight", "C", &Self::weight, range::non_negative),
                                           array("margin", "", &Self::margin)};
  static constexpr Option<Self> options[] = {option("p", &Self::p, {1, 2})};

  static constexpr About about = {
      .name = "multi_margin_loss",
      .family = "classification",
      .tier = 2,
      .summary = "The hinge of a classifier of many classes: all wrong classes that come too near pull.",
      .formula =
          "w_y / C Σ_{j≠y} [margin - x_y + x_j]+^p over the classes of dimension 1, p = 1 or 2.  mean divides by the "
          "number of rows",
      .gradient = "h_j = w_y / C p [margin - x_y + x_j]+^(p-1) where positive; at y: -Σ h",
      .kinks = "p = 1: where margin - x_y + x_j = 0; 0 is returned, as for what is below",
      .edges = "one class alone costs 0",
      .aliases = "nn.MultiMarginLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.1, 0.2, 0.4, 0.8]], "target": [3]})", 0.32500000000000001, "by hand: (0.3 + 0.4 + 0.6) / 4"},
      {R"({"input": [[0.0, 1.0], [2.0, 0.0]], "target": [0, 0], "p": 2, "weight": [0.5, 1.0]})", 0.5,
       "by hand: 4 * 0.5 / 2 / 2"},
  };

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t y = c.whole[1]();
    if (y < 0) return;
    const double each = 1 / double(c.in[0].size());
    const T w = each * c.in[2](y);
    const Rivals<T> r = rivals_of(c, c.in[0], y, c.in[3](), int(p), c.grad[0], c.up() * w);
    c.value() = w * r.loss;
    if (c.grad[2]) c.grad[2](y) = c.up() * each * r.loss;
    if (c.grad[3]) c.grad[3]() = c.up() * w * r.margin_slope;
  }
};
inline constexpr Loss<MultiMargin> multi_margin_loss;

}  // namespace gradus
