// Focal loss on logits: cross-entropy that turns down what is already right, so that many easy negatives do not drown
// the few hard positives.  Three formulas circulate under this name; on hard labels they agree up to alpha.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct SigmoidFocal {
  enum Variant : uint8_t { retinanet, absdiff, exp_bce };
  enum Normalizer : uint8_t { all_elements, sum_pos };
  static constexpr const char* variants[] = {"retinanet", "absdiff", "exp_bce"};
  static constexpr const char* normalizers[] = {"none", "sum_pos"};
  static constexpr Range alphas{-range::inf, 1};  // negative or none: off

  uint8_t variant = retinanet;
  double alpha = 0.25, gamma = 2;
  uint8_t normalizer = all_elements;  // mean divides by the number of elements, or by max(1, Σ y)

  using Self = SigmoidFocal;
  static constexpr Input<Self> inputs[] = {element("input"), in_count(element("target", range::unit))};
  static constexpr Option<Self> options[] = {
      option("variant", &Self::variant, variants), option("alpha", &Self::alpha, alphas, true),
      option("gamma", &Self::gamma, range::non_negative), option("normalizer", &Self::normalizer, normalizers)};

  static constexpr About about = {
      .name = "sigmoid_focal_loss",
      .family = "classification",
      .summary = "Binary cross-entropy weighted by how wrong the prediction is, for rare positives.",
      .formula =
          "p = sigmoid(x), ce = (1 - y) softplus(x) + y softplus(-x), a = alpha y + (1 - alpha) (1 - y).  retinanet: "
          "a m^gamma ce, m = y + p - 2 p y;  absdiff: |y - p|^gamma [alpha y softplus(-x) + (1 - alpha) (1 - y) "
          "softplus(x)];  exp_bce: alpha (1 - exp(-ce))^gamma ce.  mean divides by the number of elements, or by "
          "max(1, Σ y) with normalizer=sum_pos",
      .gradient =
          "hard labels, s = 2 y - 1, u = s x: -s a sigmoid(-u)^gamma [gamma sigmoid(u) softplus(-u) + sigmoid(-u)]",
      .kinks =
          "absdiff with gamma = 1: 0 of the slope of |y - p| at p = y; with gamma < 1 the infinite slope there is "
          "taken as 0",
      .edges =
          "alpha negative or none switches the class weight off; soft labels: absdiff and exp_bce are stationary at p "
          "= y, retinanet is not",
      .paper = "T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017",
      .aliases =
          "TV sigmoid_focal_loss; FocalLossV1 = variant absdiff; FocalLossV2 = variant exp_bce; KE "
          "BinaryFocalCrossentropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [2.0, -1.0, 0.3, -3.0], "target": [1, 0, 1, 0]})", 0.01065617880142065, "torch 1.13, the formula"},
      {R"({"input": [2.0, -1.0, 0.3, -3.0], "target": [0.9, 0.2, 0.5, 0.7], "variant": "absdiff"})",
       0.058820877511651194, "mpmath"},
      {R"({"input": [2.0, -1.0, 0.3, -3.0], "target": [0.9, 0.2, 0.5, 0.7], "variant": "exp_bce"})",
       0.12279653891340349, "mpmath"},
  };

  int choose(bool) const { return variant; }
  Reduction reduced(Reduction asked) const {
    return normalizer == sum_pos && asked == Reduction::mean ? Reduction::sum_over_pos : asked;
  }

  template <class T> GRADUS_FN Weighed<T, 2> eval(T x, T y) const {
    const Logit<T> l(x);
    const bool weighted = alpha >= 0;
    T a = weighted ? alpha * y + (1 - alpha) * (1.0 - y) : T(1.0);
    double tilt = weighted ? 2 * alpha - 1 : 0;
    const auto ce = l.cross_entropy(y);
    const auto m = power(y * l.no + (1.0 - y) * l.yes, gamma);  // of 1 - p_t, which is not formed as a difference
    T down = m.slope * ce.value, spread = l.yes * l.no;
    T dx = a * ((1.0 - 2.0 * y) * times(spread, down) + m.value * ce.slope);
    T dy = tilt * times(m.value, ce.value) + a * (down * (l.no - l.yes) - times(m.value, x));
    return {a * times(m.value, ce.value),
            normalizer == SigmoidFocal::sum_pos ? y : T(1.0),
            {dx, dy},
            {0, normalizer == SigmoidFocal::sum_pos ? T(1.0) : T(0.0)}};
  }
};

struct SigmoidFocalOfDifference {
  double alpha = 0.25, gamma = 2;
  uint8_t normalizer = SigmoidFocal::all_elements;

  using Self = SigmoidFocalOfDifference;
  SigmoidFocalOfDifference() = default;
  explicit SigmoidFocalOfDifference(const SigmoidFocal& f) : alpha(f.alpha), gamma(f.gamma), normalizer(f.normalizer) {}

  static constexpr Input<Self> inputs[] = {element("input"), in_count(element("target", range::unit))};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, SigmoidFocal::alphas, true),
                                             option("gamma", &Self::gamma, range::non_negative)};

  template <class T> GRADUS_FN Weighed<T, 2> eval(T x, T y) const {
    const Logit<T> l(x);
    const bool weighted = alpha >= 0;
    const double pos = weighted ? alpha : 1, neg = weighted ? 1 - alpha : 1;
    T cost = pos * times(y, l.yes_cost) + neg * times(1.0 - y, l.no_cost);
    T dcost = neg * ((1.0 - y) * l.yes) - pos * (y * l.no), s = (1.0 - y) * l.yes - y * l.no;  // p - y
    const auto d = power(abs(s), gamma);
    T pull = d.slope * sign(s) * cost;
    T dx = times(l.yes * l.no, pull) + d.value * dcost, dy = d.value * (pos * l.yes_cost - neg * l.no_cost) - pull;
    return {times(d.value, cost),
            normalizer == SigmoidFocal::sum_pos ? y : T(1.0),
            {dx, dy},
            {0, normalizer == SigmoidFocal::sum_pos ? T(1.0) : T(0.0)}};
  }
};

struct SigmoidFocalOfLikelihood {
  double alpha = 0.25, gamma = 2;
  uint8_t normalizer = SigmoidFocal::all_elements;

  using Self = SigmoidFocalOfLikelihood;
  SigmoidFocalOfLikelihood() = default;
  explicit SigmoidFocalOfLikelihood(const SigmoidFocal& f) : alpha(f.alpha), gamma(f.gamma), normalizer(f.normalizer) {}

  static constexpr Input<Self> inputs[] = {element("input"), in_count(element("target", range::unit))};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, SigmoidFocal::alphas, true),
                                             option("gamma", &Self::gamma, range::non_negative)};

  template <class T> GRADUS_FN Weighed<T, 2> eval(T x, T y) const {
    const double scale = alpha >= 0 ? alpha : 1;
    const auto ce = Logit<T>(x).cross_entropy(y);
    const auto m = power(-expm1(-ce.value), gamma);
    T k = scale * (m.value + m.slope * times(exp_negative(-ce.value), ce.value));
    return {scale * times(m.value, ce.value),
            normalizer == SigmoidFocal::sum_pos ? y : T(1.0),
            {k * ce.slope, -times(k, x)},
            {0, normalizer == SigmoidFocal::sum_pos ? T(1.0) : T(0.0)}};
  }
};

inline constexpr Loss<SigmoidFocal, SigmoidFocalOfDifference, SigmoidFocalOfLikelihood> sigmoid_focal_loss;

}  // namespace gradus
