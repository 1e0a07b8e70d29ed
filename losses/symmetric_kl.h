// Symmetric Kullback-Leibler divergence of two softmaxes, straight from logits: the regulariser of R-Drop.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SymmetricKl {
  static constexpr Input<SymmetricKl> inputs[] = {element("input1"), element("input2")};

  static constexpr About about = {
      .name = "symmetric_kl",
      .family = "information",
      .tier = 3,
      .summary = "How far two predictions of one example disagree, in both directions.",
      .formula = "KL(p || q) / 2 + KL(q || p) / 2 over the last dimension, p and q the softmaxes of the inputs",
      .gradient = "((p - q) + p (r - Σ p r)) / 2, r = log p - log q",
      .edges =
          "0 for logits that differ by a constant, however large; infinity where a class is impossible (logit "
          "-infinity) for one input only",
      .paper = "X. Liang et al., R-Drop: Regularized dropout for neural networks, 2021",
      .aliases = "R-Drop; Jeffreys/2",
  };
  static constexpr Example examples[] = {
      {R"({"input1": [[0.0, 0.0]], "input2": [[0.0, 1.0]]})", 0.11552928931500245, "by hand: (sigmoid(1) - 1/2) / 2"},
      {R"({"input1": [[1.0, -2.0, 0.5]], "input2": [[0.3, 0.1, -2.0]]})", 0.83777498127830776, "mpmath"},
  };

  // Weight is Σ exp(z - max), excess Σ exp(z - max) ((w - max w) - (z - max z)), w the other input.  (The maxima are a
  // constant that cancels between the two.)
  template <class T> struct State {
    RunningSoftmax<T> one, two;
    T excess_one = 0, excess_two = 0;
  };
  template <class T> struct Constants { T max_one, max_two, total_one, total_two, mean_one, mean_two; };

  // shrunk excess, where nothing times infinity stays infinite: an impossible class is never forgotten.
  template <class T> GRADUS_FN static T shrunk(T excess, T by) {
    return select(abs(excess) == T::infinity(), excess, excess * by);
  }

  template <class T> GRADUS_FN State<T> lift(Column<T>, T a, T b) const {
    auto no_a = a < T::lowest(), no_b = b < T::lowest();
    T never = T::infinity();
    return {RunningSoftmax<T>::of(a), RunningSoftmax<T>::of(b), select(no_b & !no_a, never, 0.0),
            select(no_a & !no_b, never, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> x, State<T> y) const {
    auto one = RunningSoftmax<T>::merge(x.one, y.one), two = RunningSoftmax<T>::merge(x.two, y.two);
    return {one.total, two.total,
            moved(x.excess_one, x.one.rest, one.rise_a, two.rise_a) +
                moved(y.excess_one, y.one.rest, one.rise_b, two.rise_b),
            moved(x.excess_two, x.two.rest, two.rise_a, one.rise_a) +
                moved(y.excess_two, y.two.rest, two.rise_b, one.rise_b)};
  }
  // Σ e^z (z - w) where the maximum of z rose by `rise` and that of w by `other`.
  template <class T> GRADUS_FN static T moved(T excess, T rest, T rise, T other) {
    T e = exp_negative(-rise);
    return shrunk(excess, e) + e * (other - rise) * (1.0 + rest);
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T one = 1.0 + s.one.rest, two = 1.0 + s.two.rest, mean_one = s.excess_one / one, mean_two = s.excess_two / two;
    return {0.5 * (mean_one + mean_two), 1.0, {s.one.max, s.two.max, one, two, mean_one, mean_two}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T a, T b) const {
    T below_a = a - c.max_one, below_b = b - c.max_two;
    T p = exp_negative(below_a) / c.total_one, q = exp_negative(below_b) / c.total_two, r = below_a - below_b;
    T da = p - q + select(p == 0.0, 0.0, p * (r - c.mean_one)),
      db = q - p + select(q == 0.0, 0.0, q * (-r - c.mean_two));
    return {{0.5 * da, 0.5 * db}};
  }
};
inline constexpr Loss<SymmetricKl> symmetric_kl;

}  // namespace gradus
