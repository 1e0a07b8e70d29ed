// InfoNCE: each query is to find its own key among others.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct InfoNceLoss {
  enum Similarity : uint8_t { cosine, dot, bilinear };
  static constexpr const char* similarities[] = {"cosine", "dot", "bilinear"};
  Param negative_keys = none, weight = none, temperature = 0.07;
  uint8_t sim = cosine;
  bool symmetric = false;

  using Self = InfoNceLoss;
  static constexpr Input<Self> inputs[] = {array("query", "ND"), array("positive_key", "ND"),
                                           optional(array("negative_keys", "MD|NMD", &Self::negative_keys)),
                                           optional(array("weight", "DD", &Self::weight)),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr Option<Self> options[] = {option("sim", &Self::sim, similarities),
                                             option("symmetric", &Self::symmetric)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "info_nce_loss",
      .family = "contrastive",
      .summary =
          "Each query is to be more similar to its own key than to all others: those of the other rows, or explicit "
          "negatives.",
      .formula =
          "s_ij = sim(q_i, k_j) / temperature;  log Σ_j exp(s_ij) - s_ii, where j runs over all rows, or over the own "
          "key and negative_keys: (M,D) the same for all, or (N,M,D).  sim is the cosine, q·k, or q·W k (without a "
          "weight W = 1).  symmetric: half of this and half of the same with queries and keys exchanged",
      .gradient =
          "G = (softmax_j s_ij - [j = i]) / temperature;  Σ_j G_ij k_j, through the normalisation where sim is the "
          "cosine",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges =
          "nothing to be told from (one row without negatives): 0; with explicit negatives there is nothing to "
          "exchange: symmetric is refused",
      .paper = "A. van den Oord, Y. Li, O. Vinyals, Representation Learning with Contrastive Predictive Coding, 2018",
      .aliases = "InfoNCE; MoCo; SimCSE; MultipleNegativesRanking",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"query": [[2.0, 0.0], [0.0, 1.0]], "positive_key": [[1.0, 0.0], [0.0, 3.0]], "temperature": 1.0})",
       0.31326168751822286, "by hand: the cosines are the unit matrix, so log(1 + exp(-1))"},
      {R"({"query": [[1.0, 0.0]], "positive_key": [[1.0, 2.0]], "negative_keys": [[2.0, 0.0], [0.0, 1.0]], "temperature": 1.0, "sim": "dot"})",
       1.4076059644443801, "by hand: log(e + e² + 1) - 1"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> query(c, 0, sim == cosine), key(c, 1, sim == cosine), negatives(c, 2, sim == cosine);
    if (negatives && symmetric) return c.reject(2, -1, 0, "none where the loss is symmetric");
    const T temperature = c.in[4](), beta = 1.0 / temperature;
    const Projected<T> asked(c, query, sim == bilinear ? 3 : -1);
    const T slope =
        negatives ? among(c, asked.rows, key, negatives, beta) : in_batch(c, asked.rows, key, beta, symmetric);
    asked.settle(c);
    query.settle(c), key.settle(c), negatives.settle(c);
    if (c.grad[4]) c.add(c.grad[4](), -slope * beta / temperature);
  }

 private:
  // Row i against its own key and its own negatives, or those that all share.
  template <class T>
  GRADUS_APART T among(Case<T>& c, const Rows<T>& query, const Rows<T>& key, const Rows<T>& negatives, T beta) const {
    const int64_t n = query.n, m = c.in[2].extent[c.in[2].rank - 2];
    const bool shared = c.in[2].rank == 2;
    const Array<T> all = shared ? dots(c, query, negatives) : c.array(n, m), own = c.array(1, 1);
    T *row = c.scratch(m + 1), *room = c.scratch(2 * (m + 1)), slope = 0;
    for (int64_t i = 0; i < n; ++i) {
      const Rows<T> q = query.some(i, 1), k = key.some(i, 1), others = shared ? negatives : negatives.some(i * m, m);
      T* s = all.data + i * m;
      multiply(c, 1, 1, q.d, q.at, q.d, 1, k.at, 1, q.d, row);
      if (!shared) multiply(c, 1, m, q.d, q.at, q.d, 1, others.at, 1, q.d, s);
      c.each(m, [&](int64_t j) { row[j + 1] = s[j]; });
      const Contrast<T> r = contrast(c, row, m + 1, beta, c.up(i), room, int64_t{0}, [](auto j) { return j > 0; });
      c.value(i) = r.value;
      slope += r.beta;
      own() = row[0];
      c.each(m, [&](int64_t j) { s[j] = row[j + 1]; });
      dots_back(c, own, q, k);
      if (!shared) dots_back(c, Array<T>{s, 2, {1, m, 1, 1}}, q, others);
    }
    if (shared) dots_back(c, all, query, negatives);
    return slope;
  }
};
inline constexpr Loss<InfoNceLoss> info_nce_loss;

}  // namespace gradus
