// Triplet loss with a soft margin: softplus in place of the hinge.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SoftMarginTriplet {
  static constexpr Input<SoftMarginTriplet> inputs[] = {element("anchor"), element("positive"), element("negative")};

  static constexpr About about = {
      .name = "soft_margin_triplet_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Pulls anchor and positive together and pushes the negative away, ever less the farther it is.",
      .formula = "log(1 + exp(|a - p| - |a - n|)) a row, over the last dimension",
      .gradient = "s ((a - p) / |a - p| - (a - n) / |a - n|), s = sigmoid(|a - p| - |a - n|)",
      .kinks = "the gradient of a distance is 0 at distance 0",
      .edges = "neither overflows nor underflows",
      .paper = "A. Hermans et al., In defense of the triplet loss for person re-identification, 2017",
      .aliases = "triplet with softplus",
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[0.0, 5.0]]})", 0.6931471805599453,
       "by hand: log 2"},
      {R"({"anchor": [[1.0, 2.0]], "positive": [[1.5, 2.0]], "negative": [[0.0, 0.0]]})", 0.16229902831517932,
       "mpmath"},
  };

  template <class T> struct State { RunningNorm<T> ap, an; };
  template <class T> struct Constants {
    RunningNorm<T> ap, an;
    T d_ap, d_an, weight;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T p, T n) const {
    return {RunningNorm<T>::of(a - p), RunningNorm<T>::of(a - n)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const {
    return {RunningNorm<T>::merge(x.ap, y.ap, 2), RunningNorm<T>::merge(x.an, y.an, 2)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T ap = s.ap.norm(2), an = s.an.norm(2);
    return {softplus(ap - an), 1.0, {s.ap, s.an, ap, an, sigmoid(ap - an)}};
  }
  template <class T> GRADUS_FN Grads<T, 3> grad(Constants<T> c, Column<T>, T a, T p, T n) const {
    T u = c.weight * c.ap.slope(a - p, c.d_ap, 2), v = c.weight * c.an.slope(a - n, c.d_an, 2);
    return {{u - v, -u, v}};
  }
};
inline constexpr Loss<SoftMarginTriplet> soft_margin_triplet_loss;

}  // namespace gradus
