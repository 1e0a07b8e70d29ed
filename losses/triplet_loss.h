// Triplet loss on squared distances, as FaceNet has it.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct Triplet {
  Param margin = 0.2;

  static constexpr Input<Triplet> inputs[] = {element("anchor"), element("positive"), element("negative"),
                                              scalar("margin", &Triplet::margin, range::non_negative)};

  static constexpr About about = {
      .name = "triplet_loss",
      .family = "metric learning",
      .summary =
          "Pulls anchor and positive together and pushes the negative away until its squared distance is larger by a "
          "margin.",
      .formula =
          "[|a - p|² - |a - n|² + margin]+ a row, over the last dimension.  mean divides by all triplets, those of "
          "loss 0 too",
      .gradient = "2 (n - p) where active",
      .kinks = "0 at the hinge",
      .edges =
          "embeddings that have collapsed into one point cost the margin; the difference of squares does not cancel",
      .paper = "F. Schroff et al., FaceNet: A unified embedding for face recognition and clustering, 2015",
      .aliases = "FaceNet triplet; triplet_squared",
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[0.0, 0.0]], "positive": [[1.0, 2.0]], "negative": [[2.0, 0.0]], "margin": 0.5})", 1.5,
       "by hand: 5 - 4 + 0.5"},
      {R"({"anchor": [[0.0], [1.0]], "positive": [[0.0], [1.0]], "negative": [[3.0], [1.0]]})", 0.1,
       "by hand: (0 + 0.2) / 2"},
  };

  template <class T> struct State { T excess = 0; };  // |a - p|² - |a - n|²
  template <class T> struct Constants { T active; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T p, T n, T) const {
    return {(n - p) * ((a - p) + (a - n))};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const { return {x.excess + y.excess}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T m) const {
    T raw = s.excess + m;
    auto off = raw <= 0.0;
    return {select(off, 0.0, raw), 1.0, {select(off, T(0.0), 1.0)}};
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T a, T p, T n, T) const {
    T twice = 2.0 * c.active;
    return {{twice * (n - p), twice * (p - a), twice * (a - n), select(at.index == 0, c.active, 0.0)}};
  }
};
inline constexpr Loss<Triplet> triplet_loss;

}  // namespace gradus
