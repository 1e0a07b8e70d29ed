// Focal loss of an object detector's anchors, each an object, background or neither.
#pragma once
#include <algorithm>

#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct AnchorFocalLoss {
  double alpha = 0.25, gamma = 2, clip = 1e-7;
  bool lenient = false;
  bool checked = false;  // the range of the target: solve() knows better, the state may be -1

  using Self = AnchorFocalLoss;
  static constexpr Input<Self> inputs[] = {
      array("input", "*C", range::unit),
      checked_if(Input<Self>(constant(array("target", "*C+1", range::zero_or_one))), &Self::checked)};
  static constexpr Option<Self> options[] = {
      option("alpha", &Self::alpha, range::unit), option("gamma", &Self::gamma, range::non_negative),
      option("clip", &Self::clip, Range{0, 0.5, true}), option("lenient", &Self::lenient)};

  static constexpr About about = {
      .name = "anchor_focal_loss",
      .family = "classification",
      .summary =
          "Class probabilities of anchors, where easy ones hardly count and those that overlap an object only in part "
          "not at all.",
      .formula =
          "Σ_c of an anchor, p the probability of class c: alpha (1-p)^gamma (-log p) where its label is 1, (1-alpha) "
          "p^gamma (-log(1-p)) where 0; a target row is C labels and a state: 1 object, 0 background (all labels 0), "
          "-1 ignored.  mean and sum_over_pos divide the sum by max(1, number of objects)",
      .gradient =
          "alpha (gamma (1-p)^(gamma-1) log p - (1-p)^gamma / p);  (1-alpha) (p^gamma / (1-p) - gamma p^(gamma-1) "
          "log(1-p))",
      .kinks = "where p or 1-p is clip: the logarithms are held there, and their slope is 0 below",
      .edges =
          "ignored anchors have value and gradient 0; lenient lets background anchors have labels, whose "
          "cross-entropy is then weighed by p^gamma",
      .paper = "T. Lin et al., Focal Loss for Dense Object Detection, 2017; the form of keras-retinanet",
      .aliases = "keras-retinanet focal; focal_anchor",
      .kind = "map",
      .reduction = Reduction::sum_over_pos,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5]], "target": [[1.0, 1.0]]})", 0.043321698784996581, "by hand: log 2 / 16"},
      {R"({"input": [[0.5, 0.5]], "target": [[0.0, 0.0, 0.0]]})", 0.25993019270997947, "by hand: 2 * 0.75 log 2 / 4"},
      {R"({"input": [[0.9]], "target": [[1.0, -1.0]]})", 0.0, "by hand: ignored"},
  };

  Reduction reduced(Reduction asked) const { return asked == Reduction::mean ? Reduction::sum_over_pos : asked; }

  // Certificates: every third anchor is an object, background, or ignored.
  void make_acceptable(int k, double* values, int64_t n, const Extents& extents) const {
    const int64_t row = extents['C'] + 1;
    for (int64_t i = 0; k == 1 && i < n; i += row) {
      const int64_t state = i / row % 3 - 1;
      values[i + row - 1] = double(state);
      if (state == 0) std::fill_n(values + i, row - 1, 0.0);
    }
  }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &input = c.in[0], &target = c.in[1];
    const int64_t classes = input.size();
    const T state = target(classes);
    const bool object = holds(state == 1.0), background = holds(state == 0.0), ignored = holds(state == -1.0);
    if (!object && !background && !ignored)
      return c.reject(1, classes, double(plain(state).lane(0)), "a state of -1, 0 or 1");
    c.count() = object ? 1.0 : 0.0;
    if (ignored) return;
    for (int64_t k = 0; k < classes; ++k) {
      const T y = target(k);
      if (!holds(y >= 0.0) || !holds(y <= 1.0)) return c.reject(1, k, double(plain(y).lane(0)), "a label in [0, 1]");
      if (background && !lenient && !holds(y == 0.0))
        return c.reject(1, k, double(plain(y).lane(0)), "0, as all labels of a background anchor");
    }
    const auto cost = [&](T q, T other) {  // -log q, with q held in [clip, 1 - clip]
      const auto low = q < clip, high = other < clip;
      const T inside = select(low | high, 1.0, q);
      return WithSlope<T>{select(low, -log(T(clip)), select(high, -log1p(T(-clip)), -log(inside))),
                          select(low | high, 0.0, -1.0 / inside)};
    };
    c.value() = c.total(classes, [&](int64_t k) {
      const T y = target(k), p = input(k), q = 1.0 - p;
      const bool hit = object && holds(y == 1.0);
      const auto focus = power(hit ? q : p, gamma), yes = cost(p, q), no = cost(q, p);
      const T entropy = y * yes.value + (1.0 - y) * no.value, slope = y * yes.slope - (1.0 - y) * no.slope;
      const double weight = hit ? alpha : 1 - alpha;
      if (c.grad[0])
        c.grad[0](k) = c.up() * (weight * (focus.value * slope + (hit ? -focus.slope : focus.slope) * entropy));
      return weight * (focus.value * entropy);
    });
  }
};
inline constexpr Loss<AnchorFocalLoss> anchor_focal_loss;

}  // namespace gradus
