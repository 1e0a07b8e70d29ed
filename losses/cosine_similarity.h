// Cosine of the angle between paired vectors.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct CosineSimilarity {
  int64_t dim = 1;
  double eps = 1e-8;

  static constexpr Input<CosineSimilarity> inputs[] = {element("x1"), broadcast(element("x2"))};
  static constexpr Option<CosineSimilarity> options[] = {option("dim", &CosineSimilarity::dim),
                                                         option("eps", &CosineSimilarity::eps, range::non_negative)};

  static constexpr About about = {
      .name = "cosine_similarity",
      .family = "distances",
      .summary =
          "The cosine of the angle between x1 and x2: 1 where they point one way, -1 where they point opposite ways.",
      .formula = "x1·x2 / (max(|x1|, eps) max(|x2|, eps)) over dim",
      .gradient = "(u2 - c u1) / |x1|, u = x / |x|; u2 / eps where |x1| <= eps, the derivative of the clamped function",
      .kinks = "at |x| = eps the clamped side is taken",
      .edges = "0 for a zero vector; neither overflows nor underflows; PyTorch leaves the clamp out of its gradient",
      .aliases = "nn.CosineSimilarity",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [3.0, 4.0], "x2": [4.0, 3.0]})", 0.96, "by hand: 24 / 25"},
      {R"({"x1": [1.0, -2.0, 0.5], "x2": [0.3, 0.1, -2.0]})", -0.19398624183406906, "mpmath"},
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
    return {cosine.c, 1.0, cosine};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Cosine<T> cosine, Column<T>, T x, T y) const {
    return {{cosine.slope_x(x, y), cosine.slope_y(x, y)}};
  }
};
inline constexpr Loss<CosineSimilarity> cosine_similarity;

}  // namespace gradus
