// Soft dynamic time warping: how far two series are apart when time may stretch, smoothly.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct SoftDtwLoss {
  double gamma = 1;

  static constexpr Input<SoftDtwLoss> inputs[] = {array("x", "ND"), array("y", "MD")};
  static constexpr Option<SoftDtwLoss> options[] = {option("gamma", &SoftDtwLoss::gamma, range::positive)};

  static constexpr About about = {
      .name = "soft_dtw_loss",
      .family = "sequences",
      .tier = 3,
      .summary =
          "Aligns two series by stretching time and sums the squared distances along the way, softly over all ways.",
      .formula =
          "R_ij = |x_i - y_j|² + softmin(R_{i-1,j-1}, R_{i-1,j}, R_{i,j-1}), softmin(v) = -gamma log Σ exp(-v / "
          "gamma);  R_nm",
      .gradient = "2 Σ_j E_ij (x_i - y_j), E_ij the share of the ways that pass (i, j)",
      .edges = "may be negative; 0 where a series is empty",
      .paper = "M. Cuturi, M. Blondel, Soft-DTW: a Differentiable Loss Function for Time-Series, 2017",
      .aliases = "soft_dtw",
      .kind = "sequence",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [[0.0]], "y": [[1.0], [3.0]]})", 10.0, "by hand: one way, 1 + 9"},
      {R"({"x": [[0.0], [0.0]], "y": [[0.0], [0.0]]})", -1.0986122886681098, "by hand: three ways of cost 0"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), y(c, 1);
    const int64_t n = x.n, m = y.n;
    if (n == 0 || m == 0) {
      c.count() = 0.0;
      return;
    }
    const Array<T> cost = squares(c, x, y);
    Array<T> r = c.array(n, m),
             share[3] = {c.array(n, m), c.array(n, m), c.array(n, m)};  // of the ways that come from each side
    Array<T> passes = c.array(n, m);
    // Visits each cell once those before it are done; the cells of a diagonal do not wait for one another.
    const auto in_order = [&](auto visit) {
      if constexpr (Team::alone) {
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < m; ++j) visit(i, j);
      } else {
        for (int64_t d = 0; d < n + m - 1; ++d) {
          const int64_t first = d < m ? 0 : d - m + 1, end = d < n ? d + 1 : n;
          c.each(end - first, [&](int64_t at) { visit(first + at, d - first - at); });
        }
      }
    };
    in_order([&](int64_t i, int64_t j) {
      const bool can[3] = {i > 0 && j > 0, i > 0, j > 0};
      T from[3] = {0.0, 0.0, 0.0};
      int best = -1;
      for (int k = 0; k < 3; ++k) {
        if (!can[k]) continue;
        from[k] = r(k == 2 ? i : i - 1, k == 1 ? j : j - 1);
        if (best < 0 || holds(from[k] < from[best])) best = k;
      }
      r(i, j) = cost(i, j);
      if (best < 0) return;
      T rest = 0;
      for (int k = 0; k < 3; ++k) {
        if (!can[k]) continue;
        share[k](i, j) = k == best ? T(1.0) : exp_negative((from[best] - from[k]) / gamma);
        if (k != best) rest = rest + share[k](i, j);
      }
      r(i, j) = cost(i, j) + (from[best] - gamma * log1p(rest));
      for (int k = 0; k < 3; ++k) share[k](i, j) = share[k](i, j) / (1.0 + rest);
    });
    c.value() = r(n - 1, m - 1);
    if (!c.wants_grad) return;
    in_order([&](int64_t before_last, int64_t before_end) {  // from the cells that come after
      const int64_t i = n - 1 - before_last, j = m - 1 - before_end;
      T here = i == n - 1 && j == m - 1 ? c.up() : T(0.0);
      if (i + 1 < n && j + 1 < m) here = here + passes(i + 1, j + 1) * share[0](i + 1, j + 1);
      if (i + 1 < n) here = here + passes(i + 1, j) * share[1](i + 1, j);
      if (j + 1 < m) here = here + passes(i, j + 1) * share[2](i, j + 1);
      passes(i, j) = here;
    });
    squares_back(c, passes, x, y);
  }
};
inline constexpr Loss<SoftDtwLoss> soft_dtw_loss;

}  // namespace gradus
