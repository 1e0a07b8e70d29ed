// Poly-1 loss: cross-entropy with more weight on the first term of its series in 1 - p.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Poly {
  double epsilon = 2;

  static constexpr Input<Poly> inputs[] = {element("input"), label<Poly>("target", nullptr)};
  static constexpr Option<Poly> options[] = {option("epsilon", &Poly::epsilon)};

  static constexpr About about = {
      .name = "poly_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Cross-entropy plus a multiple of 1 - p: steeper where the model is already confident.",
      .formula =
          "-log p_y + epsilon (1 - p_y) for a label y;  Σ_k q_k (-log p_k + epsilon (1 - p_k)) for probabilities q;  "
          "p = softmax(x) over dimension 1",
      .gradient = "(1 + epsilon p_y) (p_k - [k = y]);  p_k Σ q - q_k - epsilon p_k (q_k - Σ p q)",
      .edges = "epsilon 0 is cross-entropy; 1 - p is summed over the other classes and does not cancel",
      .paper = "Z. Leng et al., PolyLoss, 2022",
      .aliases = "Poly-1 CE; optax.poly_loss_cross_entropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [0]})", 1.6931471805599454, "by hand: log 2 + 1"},
      {R"({"input": [[0.0, 0.0, 0.0]], "target": [[0.5, 0.5, 0.0]], "epsilon": 1.5})", 2.0986122886681096,
       "by hand: log 3 + 1.5 * 2/3"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

  template <class T> using State = RunningTarget<T>;
  template <class T> using Constants = Target<T>;

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y) const {
    return State<T>::of(x, at.index == y);
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return State<T>::merge(a, b); }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return State<T>::join(m, a, b);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    Target<T> t = s.target();
    return {t.nll + epsilon * t.rest, 1.0, t};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y) const {
    return {{(1.0 + epsilon * c.p) * c.slope(x, at.index == y)}};
  }
  template <class T> GRADUS_FN T grad_elsewhere(Constants<T> c, T z) const {
    return (1.0 + epsilon * c.p) * c.probability(z);
  }
};

struct PolyOfProbabilities {
  double epsilon = 2;

  PolyOfProbabilities() = default;
  explicit PolyOfProbabilities(const Poly& p) : epsilon(p.epsilon) {}

  static constexpr Input<PolyOfProbabilities> inputs[] = {element("input"), element("target", range::unit)};

  int64_t class_axis() const { return 1; }

  // With the gap d = max - x:  Σ q, Σ q d, and Σ q (1 - exp(-d)), of which Σ q (1 - p) is made without cancellation.
  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T mass = 0, deficit = 0, below = 0;
  };
  template <class T> struct Constants { T max, rest, total, log_total, mass, missed; };

  template <class T> GRADUS_FN static T risen(T mass, T below, T rise) {
    return below * exp_negative(-rise) - mass * expm1(-rise);
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T q) const {
    State<T> state;
    state.softmax = RunningSoftmax<T>::of(x);
    T gap = state.softmax.max - x;
    state.mass = q;
    state.deficit = times(q, gap);
    state.below = q * (1.0 - exp_negative(-gap));  // 0, or 1 where x is -infinity
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    T deficit = a.deficit + b.deficit + times(a.mass, m.rise_a) + times(b.mass, m.rise_b);
    return {m.total, a.mass + b.mass, deficit, risen(a.mass, a.below, m.rise_a) + risen(b.mass, b.below, m.rise_b)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T rest = s.softmax.rest, total = 1.0 + rest, log_total = log1p(rest);
    T missed = (rest * s.mass + s.below) / total;  // Σ q (1 - p)
    return {s.mass * log_total + s.deficit + epsilon * missed,
            1.0,
            {s.softmax.max, rest, total, log_total, s.mass, missed}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T q) const {
    T below = x - c.max, p = exp_negative(below) / c.total;
    auto top = below == 0.0;
    T missing =
        select(top, (c.rest - below) / c.total, 1.0 - p);  // at the top below has the derivative of expm1(below)
    T at_top = (c.mass - q) - c.mass * missing;
    T dx = select(top, at_top, c.mass * p - q) - epsilon * p * ((q - c.mass) + c.missed);
    return {{dx, c.log_total - below + epsilon * missing}};
  }
};
inline constexpr Loss<Poly, PolyOfProbabilities> poly_loss;

}  // namespace gradus
