// Multi-label soft margin: binary cross-entropy on logits, averaged over the classes of a row.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct MultilabelSoftMargin {
  Param weight = 1.0;

  using Self = MultilabelSoftMargin;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::unit),
                                           column("weight", &Self::weight, range::non_negative)};

  static constexpr About about = {
      .name = "multilabel_soft_margin_loss",
      .family = "classification",
      .tier = 2,
      .summary = "One yes/no question a class, each row counting once however many classes there are.",
      .formula = "1/C Σ_c w_c [(1 - y) x + softplus(-x)] over the last dimension",
      .gradient = "w [(1 - y) sigmoid(x) - y sigmoid(-x)] / C",
      .edges = "finite for every finite logit; at x = ±infinity with the matching hard label the loss is 0",
      .aliases = "nn.MultiLabelSoftMarginLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0], [0.0, 0.0]], "target": [[0.0, 1.0], [1.0, 1.0]]})", 0.69314718055994531,
       "by hand: log 2"},
      {R"({"input": [[1.0, -2.0, 0.5]], "target": [[1.0, 0.0, 1.0]], "weight": [1.0, 2.0, 0.5]})", 0.26805206723140706,
       "mpmath"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants {};
  template <class T> struct Answer { T loss, yes, no, wrong, right; };  // sigmoid(±x), softplus(±x)

  template <class T> GRADUS_FN static Answer<T> answer(T x, T y) {
    T wrong = softplus(x), right = softplus(-x);
    return {times(1.0 - y, wrong) + times(y, right), sigmoid(x), sigmoid(-x), wrong, right};
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y, T w) const { return {w * answer(x, y).loss}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t columns) const {
    return {s.sum / double(columns), 1.0, {}};
  }
  template <class T> GRADUS_FN Grads<T, 3> grad(Constants<T>, Column<T> at, T x, T y, T w) const {
    Answer<T> a = answer(x, y);
    double each = 1 / double(at.count);
    return {{each * w * ((1.0 - y) * a.yes - y * a.no), each * w * (a.right - a.wrong), each * a.loss}};
  }
};
inline constexpr Loss<MultilabelSoftMargin> multilabel_soft_margin_loss;

}  // namespace gradus
