// Focal loss over a softmax: cross-entropy that fades for rows the model already gets right.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"
#include "gradus/core/scores.h"

namespace gradus {

// (1 - p)^gamma nll of a class, and its slope in nll, p and 1 - p following.
template <class T> struct FocalTerm {
  T loss, slope;
};
template <class T> GRADUS_FN FocalTerm<T> focal_term(T p, T missing, T nll, double gamma) {
  T fade = gamma == 0 ? T(1.0) : gamma == 2 ? missing * missing : pow(missing, T(gamma));
  // p nll / (1 - p) is 1 where p is 1, and 0 where p is 0.
  auto sure = missing == 0.0, lost = p == 0.0;
  T ratio = p * select(lost, 0.0, nll) / select(sure, 1.0, missing);
  return {times(fade, nll), fade * (1.0 + gamma * select(sure, 1.0, ratio))};
}

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
          "-alpha w_y (1 - p_y)^gamma log p_y, p = softmax(x) over dimension 1.  mean divides by the number of rows "
          "not ignored, or by Σ w_y with weight_norm",
      .gradient = "alpha w_y (1 - p_y)^gamma (1 - gamma p_y log p_y / (1 - p_y)) (p_k - [k = y])",
      .edges =
          "gamma 0 is cross-entropy; 1 - p_y is summed over the other classes and does not cancel; ignored rows have "
          "value and gradient exactly 0",
      .paper = "T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017",
      .aliases = "keras CategoricalFocalCrossentropy; multi-class focal",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]], "target": [2, 0]})", 0.24968243919415873, "mpmath"},
      {R"({"input": [[0.0, 0.0]], "target": [1], "alpha": 0.25, "gamma": 3.0})", 0.021660849392498291,
       "by hand: log 2 / 32"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

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
    return join(RunningSoftmax<T>::merge(a.target.softmax, b.target.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return {RunningTarget<T>::join(m, a.target, b.target), a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T> y) const {
    Target<T> t = s.target.target();
    FocalTerm<T> f = focal_term(t.p, t.rest, t.nll, gamma);
    T loss = alpha * f.loss, slope = alpha * f.slope;
    auto ignored = y < 0;
    T count = weight_norm ? s.weight : T(1.0);
    return {select(ignored, 0.0, times(s.weight, loss)), select(ignored, 0.0, count), {t, loss, s.weight * slope}};
  }
  template <class T> GRADUS_FN CountedGrads<T, 2> grad(Constants<T> c, Column<T> at, T x, Index<T> y, T) const {
    auto hit = at.index == y;
    T dx = c.slope * c.target.slope(x, hit);
    return {{select(y < 0, 0.0, dx), select(hit, c.loss, 0.0)}, {0.0, weight_norm ? select(hit, T(1.0), 0.0) : T(0.0)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const { return c.slope * c.target.probability(z); }
};

struct SoftmaxFocalOfProbabilities {
  Param weight = 1.0;
  double alpha = 1, gamma = 2;
  bool weight_norm = false;

  using Self = SoftmaxFocalOfProbabilities;
  SoftmaxFocalOfProbabilities() = default;
  explicit SoftmaxFocalOfProbabilities(const SoftmaxFocal& f)
      : weight(f.weight), alpha(f.alpha), gamma(f.gamma), weight_norm(f.weight_norm) {}

  static constexpr Input<Self> inputs[] = {array("input", "*C"), in_count(array("target", "*C", range::unit)),
                                           in_count(array("weight", "C", &Self::weight, range::non_negative))};

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const Array<T>&t = c.in[1], &w = c.in[2];
    const SoftmaxOf<T> s(c, c.in[0].data, n);
    T *loss = c.scratch(n), *pull = c.scratch(n);  // of each class: its loss but for t and w; d value / d nll
    c.each(n, [&](int64_t k) {
      const FocalTerm<T> f = focal_term(s.p[k], s.missing[k], -s.log_p[k], gamma);
      loss[k] = alpha * f.loss;
      pull[k] = alpha * (w(k) * t(k)) * f.slope;
    });
    const auto mass = [&](int64_t k) { return w(k) * t(k); };
    c.value() = c.total(n, [&](int64_t k) { return times(mass(k), loss[k]); });
    if (weight_norm) c.count() = c.total(n, mass);
    const T all = c.total(n, [&](int64_t k) { return pull[k]; });
    c.each(n, [&](int64_t k) {
      const T count_up = weight_norm ? c.count_up : T(0.0);
      // p Σ pull - pull, without cancellation where p is near 1.
      if (c.grad[0])
        c.grad[0](k) = c.up() * select(s.p[k] >= 0.5, (all - pull[k]) - all * s.missing[k], all * s.p[k] - pull[k]);
      if (c.grad[1]) c.grad[1](k) = c.up() * w(k) * loss[k] + count_up * w(k);
      if (c.grad[2]) c.grad[2](k) = c.up() * t(k) * loss[k] + count_up * t(k);
    });
  }
};
inline constexpr Loss<SoftmaxFocal, SoftmaxFocalOfProbabilities> softmax_focal_loss;

}  // namespace gradus
