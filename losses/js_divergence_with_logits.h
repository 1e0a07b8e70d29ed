// Jensen-Shannon divergence of two softmaxes, straight from logits.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/scores.h"

namespace gradus {

struct JsDivergenceWithLogits {
  double beta = 0.5;

  using Self = JsDivergenceWithLogits;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), array("target", "*C")};
  static constexpr Option<Self> options[] = {option("beta", &Self::beta, range::unit)};

  static constexpr About about = {
      .name = "js_divergence_with_logits",
      .family = "information",
      .tier = 3,
      .summary = "How different two predictions are: bounded, and symmetric for beta = 1/2.",
      .formula =
          "beta KL(P || M) + (1 - beta) KL(Q || M), M = beta P + (1 - beta) Q, P = softmax(target), Q = "
          "softmax(input) over the last dimension;  beta 0: KL(P || Q), beta 1: KL(Q || P)",
      .gradient = "g_k - Q_k Σ g, g = (1 - beta) Q log(Q / M)",
      .edges =
          "equal logits give exactly 0; a class that neither can be adds nothing; at most the entropy of (beta, 1 - "
          "beta)",
      .paper = "J. Lin, Divergence Measures Based on the Shannon Entropy, 1991",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[0.0, 1.0986122886681098]]})", 0.03382207556860523,
       "mpmath: P = (1/4, 3/4)"},
      {R"({"input": [[0.0, 10000.0]], "target": [[10000.0, 0.0]]})", 0.69314718055994531, "by hand: log 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size();
    const SoftmaxOf<T> a(c, c.in[1].data, n), b(c, c.in[0].data, n);
    const T *P = a.p, *Q = b.p;
    T *to_m = c.scratch(n), *from_m = c.scratch(n);  // log(P / M) and log(Q / M)
    c.each(n, [&](int64_t k) {
      const T gap = a.log_p[k] - b.log_p[k], d = select(is_nan(gap), 0.0, gap);  // a class that neither can be
      const auto up = d >= 0.0;
      if (beta == 0 || beta == 1) {
        to_m[k] = d, from_m[k] = -d;
        return;
      }
      // Both logarithms lie 0 or d below log M, seen from the larger of P and Q.
      const T near = -log1p(select(up, (1 - beta) * expm1(-select(up, d, 0.0)), beta * expm1(select(up, 0.0, d))));
      to_m[k] = select(up, near, near + d);
      from_m[k] = select(up, near - d, near);
    });
    if (beta == 0) divergence(c, n, P, Q, to_m, 1, 0);
    else if (beta == 1) divergence(c, n, Q, P, from_m, 0, 1);
    else {
      const auto p_term = [&](int64_t k) { return -beta * times(P[k], -to_m[k]); };
      const auto q_term = [&](int64_t k) { return (beta - 1) * times(Q[k], -from_m[k]); };
      c.value() = positive(c.total(n, [&](int64_t k) { return p_term(k) + q_term(k); }));
      if (c.grad[0]) through_softmax(c, n, Q, q_term, 0);
      if (c.grad[1]) through_softmax(c, n, P, p_term, 1);
    }
  }

 private:
  // Of g = d / d log p to the logits.
  template <class T, class Fn>
  GRADUS_ANYWHERE static void through_softmax(Case<T>& c, int64_t n, const T* p, Fn g, int input) {
    const T all = c.total(n, g);
    c.each(n, [&](int64_t k) { c.grad[input](k) = c.up() * (g(k) - p[k] * all); });
  }
  // KL(from || to), d = log(from / to), for the logits that these inputs are.
  template <class T>
  GRADUS_ANYWHERE static void divergence(Case<T>& c, int64_t n, const T* from, const T* to, const T* d, int from_input,
                                         int to_input) {
    c.value() = c.total(n, [&](int64_t k) { return surprise(from[k], to[k], d[k]); });
    if (c.grad[to_input]) c.each(n, [&](int64_t k) { c.grad[to_input](k) = c.up() * (to[k] - from[k]); });
    if (c.grad[from_input]) through_softmax(c, n, from, [&](int64_t k) { return -times(from[k], -d[k]); }, from_input);
  }
};
inline constexpr Loss<JsDivergenceWithLogits> js_divergence_with_logits;

}  // namespace gradus
