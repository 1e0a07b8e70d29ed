// Shannon entropy of a softmax, straight from logits.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct EntropyWithLogits {
  static constexpr Input<EntropyWithLogits> inputs[] = {element("input")};

  static constexpr About about = {
      .name = "entropy_with_logits",
      .family = "information",
      .summary = "How undecided softmax(input) is, in nats.",
      .formula = "H = -Σ_k p_k log p_k over the last dimension, p = softmax(x)",
      .gradient = "-p_k (log p_k + H)",
      .edges =
          "a class whose logit is -infinity has p = 0 and adds nothing; a row of only -infinity is NaN; near 0 "
          "nothing cancels",
      .paper = "C. Shannon, A Mathematical Theory of Communication, 1948",
      .aliases = "Categorical(logits).entropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0, 0.0]]})", 1.3862943611198906, "by hand: log 4"},
      {R"({"input": [[0.0, 50.0]]})", 9.836624224615981e-21, "mpmath: 51 / exp(50)"},
  };

  // Relative to the largest logit: Σ exp(-d) d, d = max - x, of which H = log total + deficit / total.
  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T deficit = 0;
  };
  template <class T> struct Constants { T max, total, mean; };

  template <class T> GRADUS_FN static T risen(T rest, T deficit, T rise) {
    return exp_negative(-rise) * (deficit + times(1.0 + rest, rise));
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T x) const { return {RunningSoftmax<T>::of(x), 0.0}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return {m.total, risen(a.softmax.rest, a.deficit, m.rise_a) + risen(b.softmax.rest, b.deficit, m.rise_b)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T total = 1.0 + s.softmax.rest, mean = s.deficit / total;
    return {log1p(s.softmax.rest) + mean, 1.0, {s.softmax.max, total, mean}};
  }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T> c, Column<T>, T x) const {
    T below = x - c.max, p = exp_negative(below) / c.total;
    return {{times(p, -below) - p * c.mean}};
  }
};
inline constexpr Loss<EntropyWithLogits> entropy_with_logits;

}  // namespace gradus
