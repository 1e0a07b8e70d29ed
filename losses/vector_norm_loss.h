// p-norm of the difference of two vectors, for every p from 0 to infinity.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct VectorNorm {
  double p = 2, eps = 0;
  int64_t dim = -1;

  static constexpr Input<VectorNorm> inputs[] = {element("input"), element("target")};
  static constexpr Option<VectorNorm> options[] = {option("p", &VectorNorm::p, range::non_negative),
                                                   option("dim", &VectorNorm::dim),
                                                   option("eps", &VectorNorm::eps, range::non_negative)};

  static constexpr About about = {
      .name = "vector_norm_loss",
      .family = "distances",
      .summary = "How far two vectors lie apart, in any p-norm.",
      .formula =
          "||x - t + eps||_p over dim; p = infinity: the largest difference; p = 0: how many differ.  mean divides by "
          "the number of vectors",
      .gradient = "sign(e) (|e| / ||e||)^(p-1), e = x - t + eps; 0 for p = 0",
      .kinks = "0 at e = 0, and for p <= 1 in each coordinate that is 0; where p = infinity ties, the maxima share",
      .edges =
          "neither overflows nor underflows; for p < 1 the slope at a coordinate that is 0 is infinite, and 0 is "
          "returned",
      .aliases = "torch.linalg.vector_norm(input-target)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 0.0], [1.0, 2.0]], "target": [[0.0, 4.0], [1.0, 2.0]]})", 2.5, "by hand: (5 + 0) / 2"},
      {R"({"input": [[1.0, -2.0, 0.5]], "target": [[0.0, 0.0, 0.0]], "p": 3})", 2.089669598190616,
       "mpmath: (1 + 8 + 1/8)^(1/3)"},
      {R"({"input": [[1.0, -2.0, 0.5]], "target": [[0.0, 0.0, 0.5]], "p": 0})", 2.0, "by hand: two coordinates differ"},
  };

  int64_t class_axis() const { return dim; }

  template <class T> struct State { RunningNorm<T> norm; };
  template <class T> struct Constants {
    RunningNorm<T> norm;
    T length;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const { return {RunningNorm<T>::of(x - t + eps, p)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningNorm<T>::merge(a.norm, b.norm, p)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T length = s.norm.norm(p);
    return {length, 1.0, {s.norm, length}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T t) const {
    T g = c.norm.slope(x - t + eps, c.length, p);
    return {{g, -g}};
  }
};
inline constexpr Loss<VectorNorm> vector_norm_loss;

}  // namespace gradus
