// Brier score of a softmax: the squared distance of the predicted probabilities from the truth.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"
#include "gradus/core/scores.h"

namespace gradus {

struct Brier {
  static constexpr Input<Brier> inputs[] = {element("input"), label<Brier>("target", nullptr)};

  static constexpr About about = {
      .name = "brier_score_loss",
      .family = "classification",
      .tier = 3,
      .summary = "A proper score that is bounded: no single row can cost more than 2.",
      .formula = "Σ_k (p_k - q_k)², p = softmax(x) over dimension 1; q are probabilities, or 1 at the label",
      .gradient = "2 p_k (d_k - Σ p d), d = p - q",
      .edges = "nothing cancels, also where p is near 1; finite for every finite logit",
      .paper = "G. Brier, Verification of Forecasts Expressed in Terms of Probability, 1950",
      .aliases = "brier_loss; quadratic score",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0]], "target": [0]})", 0.66666666666666663, "by hand: 4/9 + 1/9 + 1/9"},
      {R"({"input": [[0.0, 0.0]], "target": [[0.25, 0.75]]})", 0.125, "by hand: 2 / 16"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

  template <class T> struct State {
    RunningTarget<T> target;
    T squares = 0;  // Σ exp(x - max)² over the other classes
  };
  template <class T> struct Constants {
    Target<T> target;
    T shift;  // Σ p d
  };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, Index<T> y) const {
    auto hit = at.index == y;
    State<T> state{RunningTarget<T>::of(x, hit), 0.0};
    state.squares = select(hit, 0.0, 1.0 + state.target.softmax.rest);  // 1, or 0 where x is -infinity
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.target.softmax, b.target.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return {{m.total, a.target.score + b.target.score},
            a.squares * exp_negative(-2.0 * m.rise_a) + b.squares * exp_negative(-2.0 * m.rise_b)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, Index<T>) const {
    Target<T> t = s.target.target();
    T others = s.squares / (t.total * t.total);
    return {t.rest * t.rest + others, 1.0, {t, others - t.p * t.rest}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T> at, T x, Index<T> y) const {
    T p = c.target.probability(x);
    return {{2.0 * p * (c.target.slope(x, at.index == y) - c.shift)}};
  }
};

struct BrierOfProbabilities {
  BrierOfProbabilities() = default;
  explicit BrierOfProbabilities(const Brier&) {}

  static constexpr Input<BrierOfProbabilities> inputs[] = {array("input", "*C"), array("target", "*C", range::unit)};

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const Array<T>& q = c.in[1];
    const SoftmaxOf<T> s(c, c.in[0].data, n);
    const auto d = [&](int64_t k) { return select(s.p[k] >= 0.5, (1.0 - q(k)) - s.missing[k], s.p[k] - q(k)); };
    c.value() = c.total(n, [&](int64_t k) { return square(d(k)); });
    const T shift = c.total(n, [&](int64_t k) { return s.p[k] * d(k); });
    c.each(n, [&](int64_t k) {
      if (c.grad[0]) c.grad[0](k) = c.up() * 2.0 * s.p[k] * (d(k) - shift);
      if (c.grad[1]) c.grad[1](k) = c.up() * -2.0 * d(k);
    });
  }
};
inline constexpr Loss<Brier, BrierOfProbabilities> brier_score_loss;

}  // namespace gradus
