// SimSiam: each view's prediction turns towards the other view's projection, which stands still.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SimSiam {
  static constexpr Input<SimSiam> inputs[] = {element("p1"), constant(element("z2")), element("p2"),
                                              constant(element("z1"))};

  static constexpr About about = {
      .name = "simsiam_loss",
      .family = "contrastive",
      .summary =
          "Self-supervision without negatives or a second network: stopping the gradient of z keeps it from "
          "collapsing.",
      .formula = "-cos(p1, z2) / 2 - cos(p2, z1) / 2 over the last dimension",
      .gradient = "-(v - c u) / (2 |p1|), u = p1 / |p1|, v = z2 / |z2|, c the cosine; none to z1 and z2",
      .kinks = "the gradient to a zero vector is 0",
      .edges = "the cosine of a zero vector is 0; neither overflows nor underflows",
      .paper = "X. Chen, K. He, Exploring simple Siamese representation learning, 2021",
  };
  static constexpr Example examples[] = {
      {R"({"p1": [[3.0, 4.0]], "z2": [[4.0, 3.0]], "p2": [[1.0, 0.0]], "z1": [[0.0, 1.0]]})", -0.48,
       "by hand: -(24/25 + 0) / 2"},
      {R"({"p1": [[1.0, -2.0, 0.5]], "z2": [[0.3, 0.1, -2.0]], "p2": [[0.0, 1.0, 0.0]], "z1": [[0.0, 3.0, 4.0]]})",
       -0.20300687908296547, "mpmath"},
  };

  template <class T> struct State { RunningProducts<T> one, two; };
  template <class T> struct Constants { Cosine<T> one, two; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p1, T z2, T p2, T z1) const {
    return {RunningProducts<T>::of(p1, z2), RunningProducts<T>::of(p2, z1)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningProducts<T>::merge(a.one, b.one), RunningProducts<T>::merge(a.two, b.two)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    Cosine<T> one = Cosine<T>::clamped(s.one, 0), two = Cosine<T>::clamped(s.two, 0);
    return {-0.5 * (one.c + two.c), 1.0, {one, two}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> k, Column<T>, T p1, T z2, T p2, T z1) const {
    return {{-0.5 * k.one.slope_x(p1, z2), -0.5 * k.two.slope_x(p2, z1)}};
  }
};
inline constexpr Loss<SimSiam> simsiam_loss;

}  // namespace gradus
