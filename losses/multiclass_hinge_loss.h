// Multi-class hinge loss in its three kinds: the best rival (Crammer and Singer), all rivals (Weston and Watkins), and
// Keras's, whose best rival scores at least 0.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/scores.h"

namespace gradus {

struct CrammerSinger {
  enum Kind : uint8_t { crammer_singer, weston_watkins, keras };
  static constexpr const char* kinds[] = {"crammer_singer", "weston_watkins", "keras"};

  Param weight = 1.0, margin = 1.0;
  uint8_t kind = crammer_singer;

  using Self = CrammerSinger;
  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr),
                                           column("weight", &Self::weight, range::non_negative),
                                           scalar("margin", &Self::margin)};
  static constexpr Option<Self> options[] = {option("kind", &Self::kind, kinds)};

  static constexpr About about = {
      .name = "multiclass_hinge_loss",
      .family = "classification",
      .summary = "The right class shall beat its rivals by a margin; beyond that nothing pulls.",
      .formula =
          "over the classes of dimension 1, w_y times:  crammer_singer [margin + max_{j≠y} x_j - x_y]+;  "
          "weston_watkins Σ_{j≠y} [margin + x_j - x_y]+;  keras [margin + max(0, max_{j≠y} x_j) - x_y]+.  mean "
          "divides by the number of rows",
      .gradient = "where active: w_y at the best rival, or at each active one, and the negative of their sum at y",
      .kinks = "at the hinge 0 is returned; among equal rivals the first counts",
      .edges = "one class alone costs 0; keras clips rivals that score below 0",
      .paper = "K. Crammer, Y. Singer, 2001; J. Weston, C. Watkins, 1999",
      .aliases = "optax.multiclass_hinge_loss; keras CategoricalHinge = kind keras",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -3.0]], "target": [0], "kind": "keras"})", 0.5, "by hand: 1 + 0 - 0.5"},
      {R"({"input": [[1.0, 0.5, 0.25]], "target": [0]})", 0.5, "by hand: 1 + 0.5 - 1"},
      {R"({"input": [[1.0, 0.5, 0.25]], "target": [0], "kind": "weston_watkins"})", 0.75, "by hand: 0.5 + 0.25"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool) const { return kind; }

  template <class T> struct State {
    RunningFirst<T> rival;
    T score = 0, weight = 0;  // of the target class
  };
  template <class T> struct Constants {
    T rival, loss, active;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w, T) const {
    auto hit = at.index == y;
    return {{select(hit, -T::infinity(), x), T::from(at.index)}, select(hit, x, 0.0), select(hit, w, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningFirst<T>::merge(a.rival, b.rival), a.score + b.score, a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>, T m) const {
    T gap = m + (s.rival.max - s.score), loss = positive(gap);
    return {s.weight * loss, 1.0, {s.rival.at, loss, select(gap > 0.0, s.weight, 0.0)}};
  }
  template <class T> GRADUS_FN Grads<T, 3> grad(Constants<T> c, Column<T> at, T, Index<T> y, T, T) const {
    auto hit = at.index == y;
    T dx = select(hit, -c.active, select(T::from(at.index) == c.rival, c.active, 0.0));
    return {{dx, select(hit, c.loss, 0.0), select(at.index == 0, c.active, 0.0)}};
  }
};

struct WestonWatkins {
  Param weight = 1.0, margin = 1.0;

  using Self = WestonWatkins;
  WestonWatkins() = default;
  explicit WestonWatkins(const CrammerSinger& c) : weight(c.weight), margin(c.margin) {}

  static constexpr Input<Self> inputs[] = {array("input", "*C"), indices<Self>("target", "*", 'C'),
                                           array("weight", "C", &Self::weight, range::non_negative),
                                           array("margin", "", &Self::margin)};

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t y = c.whole[1]();
    if (y < 0) return;
    const T w = c.in[2](y);
    const Rivals<T> r = rivals_of(c, c.in[0], y, c.in[3](), 1, c.grad[0], c.up() * w);
    c.value() = w * r.loss;
    if (c.grad[2]) c.grad[2](y) = c.up() * r.loss;
    if (c.grad[3]) c.grad[3]() = c.up() * w * r.margin_slope;
  }
};

struct KerasHinge {
  Param weight = 1.0, margin = 1.0;

  using Self = KerasHinge;
  KerasHinge() = default;
  explicit KerasHinge(const CrammerSinger& c) : weight(c.weight), margin(c.margin) {}

  static constexpr Input<Self> inputs[] = {element("input"), label<Self>("target", nullptr),
                                           column("weight", &Self::weight, range::non_negative),
                                           scalar("margin", &Self::margin)};

  int64_t class_axis() const { return 1; }

  template <class T> using State = CrammerSinger::State<T>;
  template <class T> struct Constants {
    T rival, loss, active;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y, T w, T) const {
    auto hit = at.index == y;
    return {{select(hit, T(0.0), x), T::from(at.index)}, select(hit, x, 0.0), select(hit, w, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningFirst<T>::merge(a.rival, b.rival), a.score + b.score, a.weight + b.weight};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>, T m) const {
    T gap = m + (s.rival.max - s.score), loss = positive(gap);
    return {s.weight * loss, 1.0, {s.rival.at, loss, select(gap > 0.0, s.weight, 0.0)}};
  }
  template <class T> GRADUS_FN Grads<T, 3> grad(Constants<T> c, Column<T> at, T, Index<T> y, T, T) const {
    auto hit = at.index == y;
    T dx = select(hit, -c.active, select(T::from(at.index) == c.rival, c.active, 0.0));
    return {{dx, select(hit, c.loss, 0.0), select(at.index == 0, c.active, 0.0)}};
  }
};

inline constexpr Loss<CrammerSinger, WestonWatkins, KerasHinge> multiclass_hinge_loss;

}  // namespace gradus
