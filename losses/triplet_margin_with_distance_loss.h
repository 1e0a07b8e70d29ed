// Triplet margin loss with a distance of one's choice.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

// A distance: what a column brings in, how two parts join, the value, and the slopes along x and y.
namespace triplet_distances {
template <class T> struct Slopes {
  T x, y;
};

struct Euclidean {  // as pairwise_distance
  static constexpr double eps = 1e-6;
  template <class T> struct Part {
    RunningLength<T> length;
  };
  template <class T> struct Done {
    RunningLength<T> length;
    T d;
  };
  template <class T> GRADUS_FN static Part<T> lift(T x, T y) { return {RunningLength<T>::of(x - y + eps)}; }
  template <class T> GRADUS_FN static Part<T> merge(Part<T> a, Part<T> b) {
    return {RunningLength<T>::merge(a.length, b.length)};
  }
  template <class T> GRADUS_FN static Done<T> finish(Part<T> s) { return {s.length, s.length.length()}; }
  template <class T> GRADUS_FN static Slopes<T> grad(Done<T> c, T x, T y) {
    T g = c.length.slope(x - y + eps);
    return {g, -g};
  }
};
struct SquaredEuclidean {
  template <class T> struct Part {
    T sum = 0;
  };
  template <class T> struct Done {
    T d;
  };
  template <class T> GRADUS_FN static Part<T> lift(T x, T y) { return {square(x - y)}; }
  template <class T> GRADUS_FN static Part<T> merge(Part<T> a, Part<T> b) { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN static Done<T> finish(Part<T> s) { return {s.sum}; }
  template <class T> GRADUS_FN static Slopes<T> grad(Done<T>, T x, T y) {
    T g = 2.0 * (x - y);
    return {g, -g};
  }
};
struct OneMinusCosine {  // as cosine_distance
  template <class T> struct Part {
    RunningProducts<T> sums;
  };
  template <class T> struct Done {
    Cosine<T> cosine;
    T d;
  };
  template <class T> GRADUS_FN static Part<T> lift(T x, T y) { return {RunningProducts<T>::of(x, y)}; }
  template <class T> GRADUS_FN static Part<T> merge(Part<T> a, Part<T> b) {
    return {RunningProducts<T>::merge(a.sums, b.sums)};
  }
  template <class T> GRADUS_FN static Done<T> finish(Part<T> s) {
    Cosine<T> cosine = Cosine<T>::clamped(s.sums, 1e-8);
    return {cosine, 1.0 - cosine.c};
  }
  template <class T> GRADUS_FN static Slopes<T> grad(Done<T> c, T x, T y) {
    return {-c.cosine.slope_x(x, y), -c.cosine.slope_y(x, y)};
  }
};
struct Manhattan {
  template <class T> struct Part {
    T sum = 0;
  };
  template <class T> struct Done {
    T d;
  };
  template <class T> GRADUS_FN static Part<T> lift(T x, T y) { return {abs(x - y)}; }
  template <class T> GRADUS_FN static Part<T> merge(Part<T> a, Part<T> b) { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN static Done<T> finish(Part<T> s) { return {s.sum}; }
  template <class T> GRADUS_FN static Slopes<T> grad(Done<T>, T x, T y) {
    T g = sign(x - y);
    return {g, -g};
  }
};
}  // namespace triplet_distances

// The formula for one distance.
template <class D> struct TripletBy {
  template <class T> using Part = typename D::template Part<T>;
  template <class T> using Done = typename D::template Done<T>;
  template <class T> struct State {
    Part<T> ap, an, pn;
  };
  template <class T> struct Constants {
    Done<T> ap, an, pn;
    T active, share_an, share_pn;
  };

  template <class T> GRADUS_FN static State<T> lift(bool swap, T a, T p, T n) {
    return {D::lift(a, p), D::lift(a, n), swap ? D::lift(p, n) : Part<T>{}};
  }
  template <class T> GRADUS_FN static State<T> merge(bool swap, State<T> x, State<T> y) {
    return {D::merge(x.ap, y.ap), D::merge(x.an, y.an), swap ? D::merge(x.pn, y.pn) : Part<T>{}};
  }
  template <class T> GRADUS_FN static Finished<T, Constants<T>> finish(bool swap, State<T> s, T margin) {
    Done<T> ap = D::finish(s.ap), an = D::finish(s.an), pn = swap ? D::finish(s.pn) : an;
    T away = an.d, share_an = 1, share_pn = 0;
    if (swap) {
      auto nearer = pn.d < an.d;
      away = select(nearer, pn.d, an.d);
      share_pn = select(nearer, T(1.0), select(pn.d == an.d, T(0.5), 0.0));
      share_an = 1.0 - share_pn;
    }
    T raw = margin + ap.d - away;
    auto off = raw < 0.0;
    return {select(off, 0.0, raw), 1.0, {ap, an, pn, select(off, T(0.0), 1.0), share_an, share_pn}};
  }
  template <class T> GRADUS_FN static Grads<T, 4> grad(bool swap, Constants<T> c, Column<T> at, T a, T p, T n) {
    auto ap = D::grad(c.ap, a, p), an = D::grad(c.an, a, n);
    T on_an = c.active * c.share_an, on_pn = c.active * c.share_pn;
    T da = c.active * ap.x - on_an * an.x, dp = c.active * ap.y, dn = -on_an * an.y;
    if (swap) {
      auto pn = D::grad(c.pn, p, n);
      dp = dp - on_pn * pn.x;
      dn = dn - on_pn * pn.y;
    }
    return {{da, dp, dn, select(at.index == 0, c.active, 0.0)}};
  }
};

struct TripletMarginWithDistance {
  enum Distance : uint8_t { euclidean, sqeuclidean, cosine, l1 };
  static constexpr const char* distances[] = {"euclidean", "sqeuclidean", "cosine", "l1"};

  uint8_t distance = euclidean;
  Param margin = 1.0;
  bool swap = false;

  using Self = TripletMarginWithDistance;
  using By = TripletBy<triplet_distances::Euclidean>;
  static constexpr Input<Self> inputs[] = {element("anchor"), element("positive"), element("negative"),
                                           scalar("margin", &Self::margin, range::positive)};
  static constexpr Option<Self> options[] = {option("distance", &Self::distance, distances),
                                             option("swap", &Self::swap)};

  static constexpr About about = {
      .name = "triplet_margin_with_distance_loss",
      .family = "metric learning",
      .summary =
          "The triplet margin loss with another distance: the positive shall lie nearer to the anchor than the "
          "negative, by a margin.",
      .formula =
          "[margin + d(a, p) - d(a, n)]+ a row; with swap d(p, n) stands in for d(a, n) where it is smaller.  d over "
          "the last dimension: euclidean |x - y + 1e-6|, sqeuclidean |x - y|², cosine 1 - cos(x, y), l1 Σ |x - y|",
      .gradient = "where active: d d(a, p)/da - d d(a, n)/da",
      .kinks =
          "at the hinge the active branch is taken; where swap ties, each distance takes one half; the gradient of "
          "the Euclidean distance is 0 at distance 0, of |x - y| at x = y, and the cosine is clamped at |x| = 1e-8",
      .edges = "euclidean and cosine neither overflow nor underflow; the cosine of a zero vector is 0",
      .paper = "V. Balntas et al., Learning local feature descriptors with triplets, 2016",
      .aliases = "nn.TripletMarginWithDistanceLoss",
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[1.0, 2.0]], "positive": [[1.5, 2.0]], "negative": [[0.0, 0.0]], "distance": "l1"})", 0.0,
       "by hand: [1 + 0.5 - 3]+"},
      {R"({"anchor": [[1.0, 2.0]], "positive": [[2.0, 2.0]], "negative": [[0.0, 1.0]], "distance": "sqeuclidean", "margin": 3, "swap": true})",
       2.0, "by hand: 3 + 1 - min(2, 5)"},
      {R"({"anchor": [[3.0, 4.0]], "positive": [[4.0, 3.0]], "negative": [[1.0, 0.0]], "distance": "cosine"})", 0.64,
       "by hand: 1 + 0.04 - 0.4"},
      {R"({"anchor": [[1.0, 2.0], [0.5, -1.0]], "positive": [[1.5, 2.0], [0.0, 0.0]], "negative": [[0.0, 0.0], [1.0, 1.0]]})",
       0.02824097070313547, "torch.nn.functional.triplet_margin_with_distance_loss 1.13"},
  };

  int choose(bool) const { return distance; }

  template <class T> using State = By::State<T>;
  template <class T> using Constants = By::Constants<T>;
  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T p, T n, T) const { return By::lift(swap, a, p, n); }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const { return By::merge<T>(swap, x, y); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T m) const {
    return By::finish<T>(swap, s, m);
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T a, T p, T n, T) const {
    return By::grad<T>(swap, c, at, a, p, n);
  }
};

template <class D> struct TripletMarginOf {
  Param margin = 1.0;
  bool swap = false;

  using By = TripletBy<D>;
  TripletMarginOf() = default;
  explicit TripletMarginOf(const TripletMarginWithDistance& l) : margin(l.margin), swap(l.swap) {}
  static constexpr Input<TripletMarginOf> inputs[] = {element("anchor"), element("positive"), element("negative"),
                                                      scalar("margin", &TripletMarginOf::margin, range::positive)};

  template <class T> using State = typename By::template State<T>;
  template <class T> using Constants = typename By::template Constants<T>;
  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T p, T n, T) const { return By::lift(swap, a, p, n); }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const {
    return By::template merge<T>(swap, x, y);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T m) const {
    return By::template finish<T>(swap, s, m);
  }
  template <class T> GRADUS_FN Grads<T, 4> grad(Constants<T> c, Column<T> at, T a, T p, T n, T) const {
    return By::template grad<T>(swap, c, at, a, p, n);
  }
};

inline constexpr Loss<TripletMarginWithDistance, TripletMarginOf<triplet_distances::SquaredEuclidean>,
                      TripletMarginOf<triplet_distances::OneMinusCosine>, TripletMarginOf<triplet_distances::Manhattan>>
    triplet_margin_with_distance_loss;

}  // namespace gradus
