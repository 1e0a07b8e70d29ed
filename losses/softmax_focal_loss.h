// Focal loss over a softmax: cross-entropy that fades for rows the model already gets right.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SoftmaxFocal {
  Param weight = 1.0;
  double alpha = 1, gamma = 2;
  int64_t ignore_index = -100;
  bool weight_norm = false;  // mean divides by Σ weight[label]

  using Self = SoftmaxFocal;
  static constexpr Input<Self> inputs[] = {element("input"), label("target", &Self::ignore_index),
                                           in_count(column("weight", &Self::weight, range::non_negative))};
  static constexpr Option<Self> options[] = {
      option("alpha", &Self::alpha, range::non_negative), option("gamma", &Self::gamma, range::non_negative),
      option("ignore_index", &Self::ignore_index), option("weight_norm", &Self::weight_norm)};

  static constexpr About about = {
      .name = "softmax_focal_loss",
      .family = "classification",
      .summary =
          "Softmax cross-entropy whose easy rows count little, against many easy examples drowning the hard ones.",
      .formula =
          "-alpha w_y (1 - p_y)^gamma log p_y, p = softmax(x) over dimension 1.  mean divides by the number of "
          "rows not ignored, or by Σ w_y with weight_norm",
      .gradient = "alpha w_y (1 - p_y)^gamma (1 - gamma p_y log p_y / (1 - p_y)) (p_k - [k = y])",
      .edges =
          "gamma 0 is cross-entropy; 1 - p_y is summed over the other classes and does not cancel; "
          "ignored rows have value and gradient exactly 0",
      .paper = "T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017",
      .aliases = "keras CategoricalFocalCrossentropy; multi-class focal",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0]})", 0.24968243919415873, "mpmath"},
      {R"({"input": [[0.0, 0.0]], "target": [1], "alpha": 0.25, "gamma": 3.0})", 0.021660849392498291,
       "by hand: log 2 / 32"},
  };

  int64_t class_axis() const { return 1; }

  template <class T> struct State {
    RunningTarget<T> target;
    T weight = 0;  // of the target class
  };
  template <class T> struct Constants {
    Target<T> target;
    T loss, slope;  // without the weight; slope: d loss / d nll
  };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w) const {
    auto hit = at.index == y;
    return {RunningTarget<T>::of(x, hit), select(hit, w, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningTarget<T>::merge(a.target, b.target), a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T> y) const {
    Target<T> t = s.target.target();
    T fade = alpha * (gamma == 0 ? T(1.0) : gamma == 2 ? t.rest * t.rest : pow(t.rest, T(gamma)));
    // p nll / (1 - p) is 1 where p is 1, and 0 where p is 0.
    auto sure = t.rest == 0.0, lost = t.p == 0.0;
    T ratio = t.p * select(lost, 0.0, t.nll) / select(sure, 1.0, t.rest);
    T loss = raised(fade, t.nll), slope = fade * (1.0 + gamma * select(sure, 1.0, ratio));
    auto ignored = y < 0;
    T count = weight_norm ? s.weight : T(1.0);
    return {select(ignored, 0.0, raised(s.weight, loss)), select(ignored, 0.0, count), {t, loss, s.weight * slope}};
  }
  template <class T> GRADUS_FN CountedGrads<T, 2> grad(Constants<T> c, Column<T> at, T x, Index<T> y, T) const {
    auto hit = at.index == y;
    T dx = c.slope * c.target.slope(x, hit);
    return {{select(y < 0, 0.0, dx), select(hit, c.loss, 0.0)}, {0.0, weight_norm ? select(hit, T(1.0), 0.0) : T(0.0)}};
  }
};
inline constexpr Loss<SoftmaxFocal> softmax_focal_loss;

}  // namespace gradus
