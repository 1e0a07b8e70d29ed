// Shannon entropy of probabilities.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct Entropy {
  static constexpr Input<Entropy> inputs[] = {element("input", range::unit)};

  static constexpr About about = {
      .name = "entropy",
      .family = "information",
      .summary = "How undecided a distribution is, in nats.",
      .formula = "-Σ_k p_k log p_k over the last dimension",
      .gradient = "-(log p_k + 1)",
      .kinks = "the slope is infinite at p = 0; 0 is returned",
      .edges = "0 log 0 = 0; from 0 for a certainty to log C for the uniform distribution; rows need not sum to 1",
      .paper = "C. Shannon, A Mathematical Theory of Communication, 1948",
      .aliases = "Categorical.entropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.25, 0.75]]})", 0.56233514461880829, "mpmath"},
      {R"({"input": [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], "reduction": "sum"})", 0.69314718055994531,
       "by hand: 0 + log 2"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p) const { return {-xlogy(p, p)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const { return {s.sum, 1.0, {}}; }
  template <class T> GRADUS_FN Grads<T, 1> grad(Constants<T>, Column<T>, T p) const {
    auto out = p == 0.0;
    return {{select(out, 0.0, -log(select(out, 1.0, p)) - 1.0)}};
  }
};
inline constexpr Loss<Entropy> entropy;

}  // namespace gradus
