// Barlow twins: the cross-correlation of two views' features shall be the identity.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct BarlowTwinsLoss {
  double lambd = 0.005, eps = 1e-5;

  using Self = BarlowTwinsLoss;
  static constexpr Input<Self> inputs[] = {array("x1", "ND"), array("x2", "ND")};
  static constexpr Option<Self> options[] = {option("lambd", &Self::lambd, range::non_negative),
                                             option("eps", &Self::eps, range::positive)};

  static constexpr About about = {
      .name = "barlow_twins_loss",
      .family = "contrastive",
      .summary = "Makes every feature agree between two views of a batch, and different features say different things.",
      .formula =
          "C = A'B / N with columns standardised by mean and √(biased variance + eps);  Σ_i (1 - C_ii)² + lambd "
          "Σ_{i≠j} C_ij²",
      .gradient =
          "u = B (dL/dC)' / N;  (u - mean u - a mean(u a)) / s a column, a the standardised column, s its scale",
      .edges = "one row has constant columns: C = 0, gradient 0; no rows: 0",
      .paper = "J. Zbontar et al., Barlow Twins, 2021",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[1.0, 2.0, 3.0]], "x2": [[0.0, -1.0, 4.0]]})", 3.0, "by hand: one row, C = 0"},
      {R"({"x1": [[1.0], [-1.0]], "x2": [[2.0], [-2.0]], "eps": 1.0})", 0.13508893593264827, "by hand: (1 - 2 / √10)²"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t rows = c.in[0].extent[0], n = c.in[0].extent[1];
    if (rows == 0) {
      c.count() = 0.0;
      return;
    }
    T *standard[2], *scale[2];
    for (int v = 0; v < 2; ++v) standardise(c, c.in[v], standard[v] = c.scratch(rows * n), scale[v] = c.scratch(n));
    T* slope = c.scratch(n * n);  // the correlations first, then dL / dC
    multiply(c, n, n, rows, standard[0], 1, n, standard[1], n, 1, slope);
    c.value() = c.total(n, [&](int64_t i) {
      return total<T>(n, [&](int64_t j) {
        T& x = slope[i * n + j];
        const T correlation = x / double(rows), lack = i == j ? 1.0 - correlation : correlation;
        x = i == j ? -2.0 * lack : 2.0 * lambd * lack;
        return i == j ? lack * lack : lambd * (lack * lack);
      });
    });
    T* u = c.scratch(rows * n);
    for (int v = 0; v < 2; ++v) {
      if (!c.grad[v]) continue;
      multiply(c, rows, n, n, standard[1 - v], n, 1, slope, v == 0 ? 1 : n, v == 0 ? n : 1, u);
      c.each(n, [&](int64_t j) {
        const T* a = standard[v] + j;
        const T mean = total<T>(rows, [&](int64_t i) { return u[i * n + j]; }) / double(rows);
        const T along = total<T>(rows, [&](int64_t i) { return u[i * n + j] * a[i * n]; }) / double(rows);
        const T factor = c.up() / (scale[v][j] * double(rows));
        for (int64_t i = 0; i < rows; ++i) c.grad[v](i, j) = factor * (u[i * n + j] - mean - a[i * n] * along);
      });
    }
  }

 private:
  template <class T> GRADUS_ANYWHERE void standardise(const Case<T>& c, const Array<T>& x, T* to, T* scale) const {
    const int64_t rows = x.extent[0], n = x.extent[1];
    c.each(n, [&](int64_t j) {
      const T mean = total<T>(rows, [&](int64_t i) { return x(i, j); }) / double(rows);
      const T variance = total<T>(rows, [&](int64_t i) { return square(x(i, j) - mean); }) / double(rows);
      scale[j] = sqrt(variance + eps);
      for (int64_t i = 0; i < rows; ++i) to[i * n + j] = (x(i, j) - mean) / scale[j];
    });
  }
};
inline constexpr Loss<BarlowTwinsLoss> barlow_twins_loss;

}  // namespace gradus
