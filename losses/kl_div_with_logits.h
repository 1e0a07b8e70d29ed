// Kullback-Leibler divergence of a target distribution from a softmax, straight from logits.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct KlDivWithLogits {
  static constexpr Input<KlDivWithLogits> inputs[] = {element("input"), element("target", range::non_negative)};

  static constexpr About about = {
      .name = "kl_div_with_logits",
      .family = "information",
      .summary = "How far softmax(input) is from the target distribution: KL(target || softmax(input)).",
      .formula = "Σ_k t_k (log t_k - log p_k) over the last dimension, p = softmax(x)",
      .gradient = "p_k Σ t - t_k;  of the target: log t_k - log p_k + 1",
      .kinks = "the slope in t is -infinity at t = 0; 0 is returned",
      .edges =
          "terms with t = 0 are 0, also where p = 0; t > 0 where p = 0 gives infinity; the target need not sum to 1",
      .paper = "S. Kullback, R. Leibler, On Information and Sufficiency, 1951",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[0.25, 0.75]]})", 0.13081203594113696, "mpmath: log 2 - H(1/4, 3/4)"},
      {R"({"input": [[1.0, 2.0, 3.0]], "target": [[0.0, 0.0, 1.0]]})", 0.4076059644443803,
       "mpmath: log(1 + 1/e + 1/e²)"},
  };

  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T mass = 0, deficit = 0, log_mass = 0;  // Σ t, Σ t (max - x), Σ t log t
  };
  template <class T> struct Constants { T max, rest, total, log_total, mass; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const {
    State<T> state;
    state.softmax = RunningSoftmax<T>::of(x);
    state.mass = select(t == 0.0, 0.0, t);
    state.deficit = times(state.mass, state.softmax.max - x);
    state.log_mass = xlogy(t, t);
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    T deficit = a.deficit + b.deficit + times(a.mass, m.rise_a) + times(b.mass, m.rise_b);
    return {m.total, a.mass + b.mass, deficit, a.log_mass + b.log_mass};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T log_total = log1p(s.softmax.rest);
    return {s.log_mass + (s.mass * log_total + s.deficit),
            1.0,
            {s.softmax.max, s.softmax.rest, 1.0 + s.softmax.rest, log_total, s.mass}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T t) const {
    T below = x - c.max, p = exp_negative(below) / c.total;
    // Without cancellation where p is near 1.  There below is 0 and has the derivative of expm1(below).
    T at_top = (c.mass - t) - c.mass * ((c.rest - below) / c.total);
    auto out = t == 0.0;
    T dt = log(select(out, 1.0, t)) + (c.log_total - below) + 1.0;
    return {{select(below == 0.0, at_top, c.mass * p - t), select(out, 0.0, dt)}};
  }
};
inline constexpr Loss<KlDivWithLogits> kl_div_with_logits;

}  // namespace gradus
