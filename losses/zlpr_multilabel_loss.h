// ZLPR: softmax cross-entropy for several right classes at once, with 0 as the threshold.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct ZlprMultilabel {
  static constexpr Input<ZlprMultilabel> inputs[] = {element("input"), constant(element("target", range::zero_or_one))};

  static constexpr About about = {
      .name = "zlpr_multilabel_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Pushes the scores of all right classes above 0 and of all others below, without class weights.",
      .formula = "log(1 + Σ_neg exp(x)) + log(1 + Σ_pos exp(-x)) over the last dimension; pos: where the target is 1",
      .gradient = "exp(x) / (1 + Σ_neg exp(x));  at right classes -exp(-x) / (1 + Σ_pos exp(-x))",
      .edges = "finite for every finite score; no class, right or wrong, is required",
      .paper = "J. Su et al., ZLPR: A Novel Loss for Multi-label Classification, 2022",
      .aliases = "multilabel_categorical_crossentropy; zlpr_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0]], "target": [[1, 0, 0]]})", 1.791759469228055, "by hand: log 2 + log 3"},
      {R"({"input": [[10000.0, -2.0]], "target": [[0, 1]]})", 10002.126928011043, "mpmath: 1e4 + log(1 + exp(2))"},
  };

  template <class T> struct State { RunningSoftmax<T> wrong, right; };
  template <class T> struct Constants { T wrong_max, wrong_total, right_max, right_total; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const {
    auto right = t == 1.0;
    return {RunningSoftmax<T>::of(select(right, -T::infinity(), x)),
            RunningSoftmax<T>::of(select(right, -x, -T::infinity()))};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningSoftmax<T>::merge(a.wrong, b.wrong).total, RunningSoftmax<T>::merge(a.right, b.right).total};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    auto threshold = RunningSoftmax<T>::of(0.0);
    auto wrong = RunningSoftmax<T>::merge(s.wrong, threshold).total;
    auto right = RunningSoftmax<T>::merge(s.right, threshold).total;
    return {(wrong.max + log1p(wrong.rest)) + (right.max + log1p(right.rest)),
            1.0,
            {wrong.max, 1.0 + wrong.rest, right.max, 1.0 + right.rest}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T>, T x, T t) const {
    auto right = t == 1.0;
    T e = exp_negative(select(right, -x - c.right_max, x - c.wrong_max));
    return {{select(right, -e / c.right_total, e / c.wrong_total)}};
  }
};
inline constexpr Loss<ZlprMultilabel> zlpr_multilabel_loss;

}  // namespace gradus
