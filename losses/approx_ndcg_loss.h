// ApproxNDCG: ranks made smooth by sigmoids, so that the discounted gain can be trained.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct ApproxNdcgLoss {
  double tau = 1;

  static constexpr Input<ApproxNdcgLoss> inputs[] = {array("input", "*L"),
                                                     constant(array("target", "*L", range::non_negative))};
  static constexpr Option<ApproxNdcgLoss> options[] = {option("tau", &ApproxNdcgLoss::tau, range::positive)};

  static constexpr About about = {
      .name = "approx_ndcg_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "One minus the normalised discounted cumulative gain at smooth ranks.",
      .formula =
          "rank_i = 1 + Σ_{j≠i} sigmoid((s_j - s_i) / tau);  1 - Σ_i (2^r_i - 1) / log2(1 + rank_i) / IDCG a list, "
          "IDCG that of the best order; mean divides by the number of lists that have a relevant item",
      .gradient = "d_i = (2^r_i - 1) ln 2 / ((1 + rank_i) ln²(1 + rank_i)) / IDCG; Σ_j σ'_ij (d_j - d_i) / tau",
      .edges = "a list without relevant items has value, gradient and count 0",
      .paper =
          "T. Qin et al., A General Approximation Framework for Direct Optimization of Information Retrieval "
          "Measures, 2010",
      .aliases = "TF-Ranking approx_ndcg",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0]], "target": [[0.0, 1.0, 0.0]]})", 0.36907024642854256,
       "by hand: rank 2, 1 - 1 / log2(3)"},
      {R"({"input": [[1.0, 0.0]], "target": [[0.0, 2.0]], "tau": 0.5})", 0.34489293392110055, "mpmath"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &s = c.in[0], &r = c.in[1];
    const int64_t n = s.size();
    const double ln2 = 0.6931471805599453;
    const int64_t* best = descending(c, r.data, n);
    const T most = n > 0 ? ln2 * r(best[0]) : T(0.0);
    const bool huge = holds(most > 64.0);  // gains relative to the largest, which is no number
    const auto gain = [&](int64_t i) { return huge ? exp(ln2 * r(i) - most) : expm1(ln2 * r(i)); };
    T* slope = c.scratch(n);  // d value / d rank
    const T ideal = c.total(n, [&](int64_t i) { return gain(best[i]) * (ln2 / log1p(T(double(i + 1)))); });
    if (n == 0 || holds(ideal == 0.0)) {
      c.count() = 0.0;
      return;
    }
    c.value() = 1.0 - c.total(n, [&](int64_t i) {
      const T rank = 1.0 + total<T>(n, [&](int64_t j) { return j == i ? T(0.0) : sigmoid((s(j) - s(i)) / tau); });
      const T log_rank = log1p(rank), share = gain(i) * ln2 / ideal;
      slope[i] = share / ((1.0 + rank) * log_rank * log_rank);
      return share / log_rank;
    });
    if (!c.grad[0]) return;
    c.each(n, [&](int64_t k) {
      c.grad[0](k) = c.up() / tau * total<T>(n, [&](int64_t i) {
                       const T x = (s(i) - s(k)) / tau;
                       return sigmoid(x) * sigmoid(-x) * (slope[i] - slope[k]);
                     });
    });
  }
};
inline constexpr Loss<ApproxNdcgLoss> approx_ndcg_loss;

}  // namespace gradus
