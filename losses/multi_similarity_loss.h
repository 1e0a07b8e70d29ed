// Multi-similarity loss: weighs pairs by how similar they are by themselves and among the others.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct MultiSimilarityLoss {
  double alpha = 2.0, beta = 50.0, base = 0.5;

  using Self = MultiSimilarityLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::positive),
                                             option("beta", &Self::beta, range::positive), option("base", &Self::base)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "multi_similarity_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Rows of one label are to be more similar than `base` and others less, the worst pairs first.",
      .formula =
          "s = cosine;  mean over i of log(1 + Σ_P exp(-alpha (s_ip - base))) / alpha + log(1 + Σ_N exp(beta (s_in - "
          "base))) / beta",
      .gradient = "to s: -e_p / (1 + Σ e) of the positives, e_n / (1 + Σ e) of the negatives",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "a sum over nothing is 0",
      .paper = "X. Wang et al., Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning, 2019",
      .aliases = "PML MultiSimilarityLoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0], [2.0, 0.0]], "labels": [3, 3]})", 0.15663084375911143,
       "by hand: log(1 + exp(-1)) / 2"},
      {R"({"input": [[1.0, 0.0], [0.0, 2.0]], "labels": [3, 4], "beta": 2.0})", 0.15663084375911143,
       "by hand: log(1 + exp(-1)) / 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true);
    const int64_t n = x.n, *y = c.whole[1].data;
    const Array<T> s = dots(c, x, x);
    T* room = c.scratch(2 * n);
    for (int64_t i = 0; i < n; ++i) {
      T* row = s.data + i * n;
      const LogSum<T> positives(c, row, n, T(-alpha), room, [&](int64_t j) { return j != i && y[j] == y[i]; });
      const LogSum<T> negatives(c, row, n, T(beta), room + n, [&](int64_t j) { return y[j] != y[i]; });
      const T low = positives.above(base), high = negatives.above(base);
      c.value(i) = softplus(low) / alpha + softplus(high) / beta;
      const T raise = c.up(i) * sigmoid(low), lower = c.up(i) * sigmoid(high);
      c.each(n, [&](int64_t j) { row[j] = lower * negatives.share[j] - raise * positives.share[j]; });
    }
    dots_back(c, s, x, x);
    x.settle(c);
  }
};
inline constexpr Loss<MultiSimilarityLoss> multi_similarity_loss;

}  // namespace gradus
