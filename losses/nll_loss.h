// Negative log-likelihood: minus the log-probability that the model gave to the right class.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct NegativeLogLikelihood {
  Param weight = 1.0;
  int64_t ignore_index = -100;

  using Self = NegativeLogLikelihood;
  static constexpr Input<Self> inputs[] = {element("input"), label("target", &Self::ignore_index),
                                           in_count(column("weight", &Self::weight, range::non_negative))};
  static constexpr Option<Self> options[] = {option("ignore_index", &Self::ignore_index)};

  static constexpr About about = {
      .name = "nll_loss",
      .family = "classification",
      .summary = "Minus the log-probability of the right class, for a model that ends in log_softmax.",
      .formula = "-w_y x_y over the classes of dimension 1.  mean divides by Σ w_y over the rows not ignored",
      .gradient = "-w_y at the class y, 0 at the others",
      .edges =
          "ignored rows have value and gradient exactly 0; the input is taken as it is, normalised or not; "
          "log-probability -infinity gives infinity",
      .aliases = "nn.NLLLoss; NLLLoss2d",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[-0.5, -1.0, -3.0], [-2.0, -0.25, -4.0]], "target": [1, 0]})", 1.5, "by hand: (1 + 2) / 2"},
      {R"({"input": [[-0.5, -1.0], [-2.0, -0.25], [-1.0, -1.0]], "target": [1, 0, -100], "weight": [3.0, 1.0]})", 1.75,
       "by hand: (1 * 1 + 3 * 2) / 4"},
  };

  int64_t class_axis() const { return 1; }

  template <class T> struct State { T score = 0, weight = 0; };  // of the target class
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w) const {
    auto hit = at.index == y;
    return {select(hit, x, 0.0), select(hit, w, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {a.score + b.score, a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    return {times(s.weight, -s.score), s.weight, {}};  // of an ignored row nothing was found
  }
  template <class T> GRADUS_FN CountedGrads<T, 2> grad(Constants<T>, Column<T> at, T x, Index<T> y, T w) const {
    auto hit = at.index == y;
    return {{select(hit, -w, 0.0), select(hit, -x, 0.0)}, {0.0, select(hit, T(1.0), 0.0)}};
  }
};
inline constexpr Loss<NegativeLogLikelihood> nll_loss;

}  // namespace gradus
