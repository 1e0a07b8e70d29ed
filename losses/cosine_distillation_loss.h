// Cosine distillation: the student's features shall point where the teacher's do.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct CosineDistillation {
  static constexpr Input<CosineDistillation> inputs[] = {element("input"), element("target")};

  static constexpr About about = {
      .name = "cosine_distillation_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Turns the student's features towards the teacher's, whatever their lengths.",
      .formula = "1 - x·t / (|x| |t|) over the last dimension",
      .gradient = "-(v - c u) / |x|, u = x / |x|, v = t / |t|, c the cosine",
      .kinks = "the gradient to a zero vector is 0",
      .edges = "the cosine of a zero vector is 0; neither overflows nor underflows",
      .aliases = "LK cosine; 1-cos on last axis",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 4.0], [1.0, 0.0]], "target": [[4.0, 3.0], [0.0, 2.0]]})", 0.52,
       "by hand: (1 - 24/25 + 1) / 2"},
      {R"({"input": [[1.0, -2.0, 0.5]], "target": [[0.3, 0.1, -2.0]]})", 1.1939862418340691, "mpmath"},
  };

  template <class T> using State = RunningProducts<T>;
  template <class T> using Constants = Cosine<T>;

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const { return State<T>::of(x, t); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Cosine<T>> finish(State<T> s, int64_t) const {
    const auto cosine = Cosine<T>::clamped(s, 0);
    return {1.0 - cosine.c, 1.0, cosine};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Cosine<T> cosine, Column<T>, T x, T t) const {
    return {{-cosine.slope_x(x, t), -cosine.slope_y(x, t)}};
  }
};
inline constexpr Loss<CosineDistillation> cosine_distillation_loss;

}  // namespace gradus
