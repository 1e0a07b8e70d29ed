// Ranked list loss: all negatives beyond a boundary, all positives inside it by a margin.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct RankedListLoss {
  double margin = 0.4, t_n = 10.0, t_p = 0.0, lam = 0.5, alpha = none;

  using Self = RankedListLoss;
  static constexpr Input<Self> inputs[] = {array("distances", "NN"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {
      option("margin", &Self::margin, range::non_negative), option("t_n", &Self::t_n, range::non_negative),
      option("t_p", &Self::t_p, range::non_negative), option("lam", &Self::lam, range::unit),
      option("alpha", &Self::alpha, range::any, true)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "ranked_list_loss",
      .family = "metric learning",
      .tier = 3,
      .summary =
          "Pushes all negatives beyond a boundary and pulls all positives inside it by a margin, the farthest off "
          "most.",
      .formula =
          "mean_i of (1 - lam) Σ w (d_ij - alpha + margin) / Σ w over the positives with d_ij > alpha - margin, + lam "
          "Σ w (alpha - d_ik) / Σ w over the negatives with d_ik < alpha; w = exp(t violation) with t_p for positives, "
          "t_n for negatives; alpha is 1 + margin / 2 unless given",
      .gradient = "the weights count as constants: (1 - lam) w / Σ w to d_ij, -lam w / Σ w to d_ik, over N",
      .kinks = "a distance on its boundary does not count; the value jumps there",
      .edges = "the distance of a row to itself counts nowhere; a row without such pairs: 0; no rows: 0",
      .paper = "X. Wang et al., Ranked List Loss for Deep Metric Learning, 2019",
      .aliases = "PML RankedListLoss",
      .frozen = "the weights w",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"distances": [[0.0, 1.5, 0.5], [0.0, 0.0, 2.0], [2.0, 2.0, 0.0]], "labels": [0, 0, 1], "margin": 0.5, "alpha": 1.0})",
       0.25, "by hand: of the first row (1 + 0.5) / 2, of the others 0"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].extent[0], *y = c.whole[1].data;
    const double boundary = alpha == alpha ? alpha : 1.0 + margin / 2.0;
    T *weight = c.scratch(n), *violation = c.scratch(n);
    for (int64_t i = 0; i < n; ++i) {
      const T* row = c.in[0].data + i * n;
      // Σ w v / Σ w over the violations v > 0, which grow with the distance by `slope`.
      const auto mean_violation = [&](auto belongs, double bound, double slope, double t, double share) {
        c.each(n, [&](int64_t j) {
          const T v = slope * (row[j] - bound);
          violation[j] = !belongs(j) || holds(v <= 0.0) ? T(0.0) : v;
        });
        T largest = 0.0;
        for (int64_t j = 0; j < n; ++j) largest = select(violation[j] > largest, violation[j], largest);
        const T size = c.total(n, [&](int64_t j) {
          return weight[j] = holds(violation[j] == 0.0) ? T(0.0) : exp(t * frozen(violation[j] - largest));
        });
        if (holds(size == 0.0)) return T(0.0);
        const T sum = c.total(n, [&](int64_t j) { return weight[j] * violation[j]; });
        if (c.grad[0])
          c.each(n, [&](int64_t j) {
            T& g = c.grad[0].data[i * n + j];
            g = g + weight[j] * (c.up(i) * (share * slope) / size);
          });
        return share * sum / size;
      };
      c.value(i) =
          mean_violation([&](int64_t j) { return j != i && y[j] == y[i]; }, boundary - margin, 1.0, t_p, 1.0 - lam) +
          mean_violation([&](int64_t j) { return y[j] != y[i]; }, boundary, -1.0, t_n, lam);
    }
  }
};
inline constexpr Loss<RankedListLoss> ranked_list_loss;

}  // namespace gradus
