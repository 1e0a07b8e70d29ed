// Zero-one loss: was the prediction wrong?  Its mean is the error rate.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct ZeroOne {
  static constexpr Input<ZeroOne> inputs[] = {constant(element("input")), label<ZeroOne>("target", nullptr)};

  static constexpr About about = {
      .name = "zero_one_loss",
      .family = "classification",
      .summary = "1 where the prediction is wrong, else 0: what the margin losses bound from above.",
      .formula =
          "1 where the first largest score of dimension 1 is not the label's; for targets -1 or 1, 1 where the score "
          "has not the target's sign",
      .gradient = "none: it is constant wherever it is differentiable",
      .edges = "a score of 0 counts as wrong",
      .aliases = "sklearn zero_one_loss",
      .kind = "metric",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0], [3.0, 3.0], [0.0, -1.0]], "target": [1, 1, 0]})", 0.33333333333333331,
       "by hand: the second is wrong"},
      {R"({"input": [0.5, 0.0, -2.0, 1.0], "target": [1.0, 1.0, -1.0, -1.0]})", 0.5,
       "by hand: the second and the fourth are wrong"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

  template <class T> using State = RunningFirst<T>;
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T>) const { return {x, T::from(at.index)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T> y) const {
    return {select(s.at == T::from(y), T(0.0), 1.0), 1.0, {}};
  }
  template <class T> GRADUS_FN Grads<T, 0> grad(Constants<T>, Column<T>, T, Index<T>) const { return {}; }
};

struct ZeroOneOfSigns {
  ZeroOneOfSigns() = default;
  explicit ZeroOneOfSigns(const ZeroOne&) {}

  static constexpr Input<ZeroOneOfSigns> inputs[] = {constant(element("input")),
                                                     constant(element("target", range::signs))};

  template <class T> GRADUS_FN static Scored<T, 0> eval(T x, T t) { return {select(x * t > 0.0, T(0.0), 1.0)}; }
};
inline constexpr Loss<ZeroOne, ZeroOneOfSigns> zero_one_loss;

}  // namespace gradus
