// One minus the cosine of the angle between paired vectors.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct CosineDistance {
  int64_t dim = 1;
  double eps = 1e-8;

  static constexpr Input<CosineDistance> inputs[] = {element("x1"), broadcast(element("x2"))};
  static constexpr Option<CosineDistance> options[] = {option("dim", &CosineDistance::dim),
                                                       option("eps", &CosineDistance::eps, range::non_negative)};

  static constexpr About about = {
      .name = "cosine_distance",
      .family = "distances",
      .tier = 3,
      .summary = "One minus the cosine: 0 where x1 and x2 point one way, 2 where they point opposite ways.",
      .formula = "1 - x1·x2 / (max(|x1|, eps) max(|x2|, eps)) over dim",
      .gradient = "-(u2 - c u1) / |x1|, u = x / |x|, c the cosine; -u2 / eps where |x1| <= eps",
      .kinks = "at |x| = eps the clamped side is taken",
      .edges = "the cosine of a zero vector is 0; neither overflows nor underflows",
      .aliases = "OX cosine_distance",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [3.0, 4.0], "x2": [4.0, 3.0]})", 0.04, "by hand: 1 - 24 / 25"},
      {R"({"x1": [1.0, -2.0, 0.5], "x2": [0.3, 0.1, -2.0]})", 1.1939862418340691, "mpmath"},
  };

  int64_t class_axis() const { return dim; }

  template <class T> using State = RunningProducts<T>;
  template <class T> using Constants = Cosine<T>;

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y) const { return State<T>::of(x, y); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    return State<T>::of_all([&](auto add) { columns.each([&](Column<T>, T x, T y) { add(x, y); }); });
  }
  template <class T> GRADUS_FN Finished<T, Cosine<T>> finish(State<T> s, int64_t) const {
    const auto cosine = Cosine<T>::clamped(s, eps);
    return {1.0 - cosine.c, 1.0, cosine};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Cosine<T> cosine, Column<T>, T x, T y) const {
    return {{-cosine.slope_x(x, y), -cosine.slope_y(x, y)}};
  }
};
inline constexpr Loss<CosineDistance> cosine_distance;

}  // namespace gradus
