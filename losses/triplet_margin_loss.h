// Triplet margin loss: the positive shall lie nearer to the anchor than the negative, by a margin.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct TripletMargin {
  Param margin = 1.0;
  double p = 2, eps = 1e-6;
  bool swap = false;

  static constexpr Input<TripletMargin> inputs[] = {element("anchor"), element("positive"), element("negative"),
                                                    scalar("margin", &TripletMargin::margin, range::positive)};
  static constexpr Option<TripletMargin> options[] = {option("p", &TripletMargin::p, range::positive),
                                                      option("eps", &TripletMargin::eps, range::non_negative),
                                                      option("swap", &TripletMargin::swap)};

  static constexpr About about = {
      .name = "triplet_margin_loss",
      .family = "metric learning",
      .summary = "Pulls anchor and positive together and pushes the negative away until it is farther by a margin.",
      .formula =
          "[margin + d(a, p) - d(a, n)]+ a row, d(x, y) = ||x - y + eps||_p over the last dimension; with swap d(p, "
          "n) stands in for d(a, n) where it is smaller",
      .gradient = "where active: u - v, u = d d(a, p)/da, v = d d(a, n)/da",
      .kinks =
          "at the hinge the active branch is taken; the gradient of a distance is 0 at distance 0; where swap ties, "
          "each distance takes one half; where p = infinity ties, the maxima share",
      .edges = "eps keeps the distance of equal rows away from 0; distances neither overflow nor underflow",
      .paper = "V. Balntas et al., Learning local feature descriptors with triplets, 2016",
      .aliases = "nn.TripletMarginLoss",
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[6.0, 8.0]], "margin": 6.0, "eps": 0.0})",
       1.0, "by hand: 6 + 5 - 10"},
      {R"({"anchor": [[1.0, 2.0], [0.5, -1.0]], "positive": [[1.5, 2.0], [0.0, 0.0]], "negative": [[0.0, 0.0], [1.0, 1.0]]})",
       0.02824097070313547, "torch.nn.functional.triplet_margin_loss 1.13"},
  };

  template <class T> struct State {
    RunningNorm<T> ap, an, pn;
  };
  template <class T> struct Constants {
    RunningNorm<T> ap, an, pn;
    T d_ap, d_an, d_pn, active, share_an, share_pn;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T b, T n, T) const {
    State<T> s{RunningNorm<T>::of(a - b + eps), RunningNorm<T>::of(a - n + eps), {}};
    if (swap) s.pn = RunningNorm<T>::of(b - n + eps);
    return s;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const {
    State<T> s{RunningNorm<T>::merge(x.ap, y.ap, p), RunningNorm<T>::merge(x.an, y.an, p), {}};
    if (swap) s.pn = RunningNorm<T>::merge(x.pn, y.pn, p);
    return s;
  }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    const auto norm_of = [&](auto difference) {
      return RunningNorm<T>::of_all(
          [&](auto add) { columns.each([&](Column<T>, T a, T b, T n, T) { add(difference(a, b, n) + eps); }); }, p);
    };
    State<T> s{norm_of([](T a, T b, T) { return a - b; }), norm_of([](T a, T, T n) { return a - n; }), {}};
    if (swap) s.pn = norm_of([](T, T b, T n) { return b - n; });
    return s;
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T m) const {
    T ap = s.ap.norm(p), an = s.an.norm(p), pn = 0, away = an, share_an = 1, share_pn = 0;
    if (swap) {
      pn = s.pn.norm(p);
      away = select(pn < an, pn, an);
      share_pn = select(pn < an, T(1.0), select(pn == an, T(0.5), 0.0));
      share_an = 1.0 - share_pn;
    }
    T raw = m + ap - away;
    auto off = raw < 0.0;
    return {select(off, 0.0, raw), 1.0, {s.ap, s.an, s.pn, ap, an, pn, select(off, T(0.0), 1.0), share_an, share_pn}};
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T a, T b, T n, T) const {
    T u = c.active * c.ap.slope(a - b + eps, c.d_ap, p), v = c.active * c.share_an * c.an.slope(a - n + eps, c.d_an, p),
      w = 0;
    if (swap) w = c.active * c.share_pn * c.pn.slope(b - n + eps, c.d_pn, p);
    return {{u - v, -u - w, v + w, select(at.index == 0, c.active, 0.0)}};
  }
};
inline constexpr Loss<TripletMargin> triplet_margin_loss;

}  // namespace gradus
