// Kullback-Leibler divergence of two distributions given as probabilities.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct KlDivergence {
  static constexpr Input<KlDivergence> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "kl_divergence",
      .family = "information",
      .summary = "How many nats more it costs to code p by the code of q: KL(p || q).",
      .formula = "Σ_k p_k log(p_k / q_k) over the last dimension",
      .gradient = "log(p_k / q_k) + 1;  of q: -p_k / q_k",
      .kinks = "the slope in p is infinite at p = 0; 0 is returned, for p and for q",
      .edges = "terms with p = 0 are 0, also where q = 0; p > 0 where q = 0 gives infinity; rows need not sum to 1",
      .paper = "S. Kullback, R. Leibler, On Information and Sufficiency, 1951",
      .aliases = "scipy rel_entr summed",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[0.25, 0.75]]})", 0.14384103622589046, "mpmath: log(4/3) / 2"},
      {R"({"p": [[0.0, 1.0]], "q": [[0.0, 0.5]]})", 0.69314718055994531, "by hand: log 2"},
  };

  // Σ p log(p / q) as Σ (p log(p / q) - p + q), none of which is negative, and Σ (p - q), which is 0 for distributions.
  template <class T> struct State { T sum = 0, excess = 0; };
  template <class T> struct Constants {};

  template <class T> GRADUS_FN static T log_of_ratio(T p, T q) {  // 0 where p is 0
    auto out = p == 0.0;
    return log_ratio(select(out, 1.0, p), select(out, 1.0, q));
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const {
    auto out = p == 0.0;
    return {select(out, 0.0, surprise(p, q, log_ratio(p, q))), select(out, 0.0, p - q)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {a.sum + b.sum, a.excess + b.excess};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    return {s.sum + s.excess, 1.0, {}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T p, T q) const {
    auto out = p == 0.0;
    return {{select(out, 0.0, log_of_ratio(p, q) + 1.0), select(out, 0.0, -p / select(out, 1.0, q))}};
  }
};
inline constexpr Loss<KlDivergence> kl_divergence;

}  // namespace gradus
