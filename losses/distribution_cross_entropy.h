// Cross-entropy of two distributions given as probabilities.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct DistributionCrossEntropy {
  static constexpr Input<DistributionCrossEntropy> inputs[] = {element("p", range::unit), element("q", range::unit)};

  static constexpr About about = {
      .name = "distribution_cross_entropy",
      .family = "information",
      .summary = "What it costs, in nats, to code p by the code of q: H(p, q) = H(p) + KL(p || q).",
      .formula = "-Σ_k p_k log q_k over the last dimension",
      .gradient = "-log q_k;  of q: -p_k / q_k",
      .kinks = "at p = 0 where q = 0 the slopes are infinite or undefined; 0 is returned",
      .edges = "terms with p = 0 are 0, also where q = 0; p > 0 where q = 0 gives infinity; rows need not sum to 1",
      .aliases = "H(p,q)",
  };
  static constexpr Example examples[] = {
      {R"({"p": [[0.5, 0.5]], "q": [[0.25, 0.75]]})", 0.83698821678583578, "mpmath: -log(3/16) / 2"},
      {R"({"p": [[0.0, 1.0]], "q": [[0.0, 0.5]]})", 0.69314718055994531, "by hand: log 2"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T q) const { return {-xlogy(p, q)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const { return {s.sum, 1.0, {}}; }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T p, T q) const {
    auto out = (p == 0.0) & (q == 0.0);
    T safe = select(out, 1.0, q);
    return {{-log(safe), -p / safe}};
  }
};
inline constexpr Loss<DistributionCrossEntropy> distribution_cross_entropy;

}  // namespace gradus
