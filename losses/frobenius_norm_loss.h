// Frobenius norm of the difference of two matrices.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct FrobeniusNorm {
  bool per_sample = false;

  static constexpr Input<FrobeniusNorm> inputs[] = {element("input"), element("target")};
  static constexpr Option<FrobeniusNorm> options[] = {option("per_sample", &FrobeniusNorm::per_sample)};

  static constexpr About about = {
      .name = "frobenius_norm_loss",
      .family = "regression",
      .summary = "The length of the difference, not squared.",
      .formula =
          "L = sqrt(Σ (x - t)²) over the last two dimensions; with per_sample over the last alone.  mean divides by "
          "the number of matrices or rows",
      .gradient = "(x - t) / L",
      .kinks = "at x = t the gradient is 0",
      .edges = "squares neither overflow nor underflow",
      .aliases = "torch.linalg.matrix_norm fro; torch.norm(p=\"fro\")",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0, 0, 0, 0], [0, 0, 0, 0]], "target": [[1, 1, 1, 1], [1, 1, 1, 1]]})", 2.8284271247461903,
       "by hand: sqrt(8)"},
      {R"({"input": [[3.0, 4.0], [6.0, 8.0]], "target": [[0.0, 0.0], [0.0, 0.0]], "per_sample": true})", 7.5,
       "by hand: (5 + 10) / 2"},
  };

  int fold_axes() const { return per_sample ? 1 : 2; }

  template <class T> using State = RunningNorm<T>;
  template <class T> struct Constants {
    RunningNorm<T> state;
    T norm;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const { return State<T>::of(x - t); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b, 2); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T norm = s.norm(2);
    return {norm, 1.0, {s, norm}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T t) const {
    T g = c.state.slope(x - t, c.norm, 2);
    return {{g, -g}};
  }
};
inline constexpr Loss<FrobeniusNorm> frobenius_norm_loss;

}  // namespace gradus
