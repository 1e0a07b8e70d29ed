// Root mean squared error: the mean squared error in the units of the data.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct RootMeanSquaredError {
  double eps = 0;
  double dim = none;  // none: over all elements

  using Self = RootMeanSquaredError;
  static constexpr Input<Self> inputs[] = {element("input"), element("target")};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::non_negative),
                                             option("dim", &Self::dim, range::any, true)};

  static constexpr About about = {
      .name = "rmse_loss",
      .family = "regression",
      .summary = "The typical error, in the units of the data; its gradient does not fade near the optimum.",
      .formula =
          "L = sqrt(mean (x - t)² + eps) over all elements, or over dimension dim.  The reduction is over what is left",
      .gradient = "(x - t) / (n L)",
      .kinks = "where x = t everywhere and eps = 0: the gradient is 0",
      .edges = "squares neither overflow nor underflow",
      .aliases = "RootMeanSquaredError",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 0.0], [0.0, 4.0]], "target": [[0.0, 0.0], [0.0, 0.0]]})", 2.5, "by hand: sqrt(25 / 4)"},
      {R"({"input": [1.0, 2.0, 3.0], "target": [1.0, 2.0, 3.0], "eps": 0.25})", 0.5, "by hand: sqrt(1/4)"},
  };

  int64_t class_axis() const { return dim == dim ? int64_t(dim) : -1; }
  int fold_axes() const { return dim == dim ? -1 : 0; }

  template <class T> using State = RunningNorm<T>;
  template <class T> struct Constants { T root; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const { return State<T>::of(x - t); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b, 2); }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    return State<T>::of_all([&](auto add) { columns.each([&](Column<T>, T x, T t) { add(x - t); }); }, 2);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t n) const {
    T mean = s.sum / double(n), root = select(s.max == 0.0, 0.0, s.max * sqrt(select(s.max == 0.0, 1.0, mean)));
    if (eps > 0) {  // the hypotenuse of the two roots, relative to the larger
      T other = sqrt(T(eps));
      auto up = root < other;
      T large = select(up, other, root), ratio = select(up, root, other) / large;
      root = large * sqrt(1.0 + ratio * ratio);
    }
    return {root, 1.0, {root}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T> at, T x, T t) const {
    T g = select(c.root == 0.0, 0.0, (x - t) / select(c.root == 0.0, 1.0, c.root) / double(at.count));
    return {{g, -g}};
  }
};
inline constexpr Loss<RootMeanSquaredError> rmse_loss;

}  // namespace gradus
