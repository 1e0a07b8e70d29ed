// BYOL's regression of one view's projection on the other's: the squared distance of the two unit vectors.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Byol {
  static constexpr Input<Byol> inputs[] = {element("input"), constant(element("target"))};

  static constexpr About about = {
      .name = "byol_loss",
      .family = "contrastive",
      .summary =
          "Self-supervision without negatives: the prediction for one view shall point where the other view's target "
          "does.",
      .formula =
          "2 - 2 cos(x, t) = |x/|x| - t/|t||² over the last dimension; BYOL adds the call with the views swapped",
      .gradient = "-2 (v - c u) / |x|, u = x / |x|, v = t / |t|, c the cosine; none to the target",
      .kinks = "the gradient to a zero vector is 0",
      .edges = "the cosine of a zero vector is 0; neither overflows nor underflows",
      .paper = "J.-B. Grill et al., Bootstrap your own latent, 2020",
      .aliases = "normalised MSE regression loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 4.0]], "target": [[4.0, 3.0]]})", 0.08, "by hand: 2 - 48 / 25"},
      {R"({"input": [[1.0, -2.0, 0.5], [0.0, 1.0, 0.0]], "target": [[0.3, 0.1, -2.0], [0.0, 2.0, 0.0]]})",
       1.1939862418340691, "mpmath"},
  };

  template <class T> using State = RunningProducts<T>;
  template <class T> using Constants = Cosine<T>;

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const { return State<T>::of(x, t); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Cosine<T>> finish(State<T> s, int64_t) const {
    const auto cosine = Cosine<T>::clamped(s, 0);
    return {2.0 - 2.0 * cosine.c, 1.0, cosine};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Cosine<T> cosine, Column<T>, T x, T t) const {
    return {{-2.0 * cosine.slope_x(x, t)}};
  }
};
inline constexpr Loss<Byol> byol_loss;

}  // namespace gradus
