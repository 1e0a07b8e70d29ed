// VICReg: two views alike, every feature alive, no two features the same.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct VicRegLoss {
  double sim_weight = 25.0, std_weight = 25.0, cov_weight = 1.0, eps = 1e-4;

  using Self = VicRegLoss;
  static constexpr Input<Self> inputs[] = {array("x1", "ND"), array("x2", "ND")};
  static constexpr Option<Self> options[] = {option("sim_weight", &Self::sim_weight, range::non_negative),
                                             option("std_weight", &Self::std_weight, range::non_negative),
                                             option("cov_weight", &Self::cov_weight, range::non_negative),
                                             option("eps", &Self::eps, range::positive)};

  static constexpr About about = {
      .name = "vicreg_loss",
      .family = "contrastive",
      .tier = 3,
      .summary =
          "Two views are to agree while each feature keeps a standard deviation of 1 and is uncorrelated with the "
          "others.",
      .formula =
          "sim_weight mean (x1 - x2)² + Σ over both views of std_weight / 2 mean_d [1 - √(var_d + eps)]₊ + cov_weight "
          "/ D Σ_{d≠e} cov_de²; variances and covariances over N - 1",
      .gradient =
          "h = x - mean, s = √(var + eps):  2 sim_weight (x1 - x2) / (N D) - std_weight [s < 1] h / (2 D (N-1) s) + 4 "
          "cov_weight h offdiag(cov) / (D (N-1))",
      .kinks = "the hinge where a deviation is 1 (gradient 0)",
      .edges = "one row has no variance and is refused; no rows: 0",
      .paper =
          "A. Bardes, J. Ponce, Y. LeCun, VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised "
          "Learning, 2022",
      .aliases = "PML VICRegLoss",
      .kind = "tensor",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[0.0], [0.0]], "x2": [[1.0], [1.0]]})", 49.75, "by hand: 25, and 25 (1 - 0.01)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> a(c, 0), b(c, 1);
    const int64_t n = a.n, d = a.d;
    if (n == 1) return c.reject(0, -1, 0, "at least two rows, for a variance");
    if (n == 0 || d == 0) {
      c.count() = 0.0;
      return;
    }
    const double each = sim_weight / double(n * d);
    c.value() = each * c.total(n * d, [&](int64_t i) { return square(a.at[i] - b.at[i]); });
    c.each(n * d, [&](int64_t i) {
      const T g = 2.0 * each * c.up() * (a.at[i] - b.at[i]);
      if (a.grad) a.grad[i] += g;
      if (b.grad) b.grad[i] += -g;
    });
    spread(c, a), spread(c, b);
  }

 private:
  template <class T> GRADUS_ANYWHERE void spread(Case<T>& c, const Rows<T>& x) const {
    const int64_t n = x.n, d = x.d;
    const double free = double(n - 1);
    T* h = c.scratch(n * d);
    c.each(d, [&](int64_t k) {
      const T mean = total<T>(n, [&](int64_t i) { return x(i, k); }) / double(n);
      for (int64_t i = 0; i < n; ++i) h[i * d + k] = x(i, k) - mean;
    });
    const Array<T> cov = c.array(d, d);  // and then d result / d cov
    multiply(c, d, d, n, h, 1, d, h, d, 1, cov.data);
    c.add(c.value(), c.total(d * d, [&](int64_t i) {
      T &v = cov.data[i], cost;
      v = v / free;
      if (i / d == i % d) {
        const T s = sqrt(v + eps);
        cost = 0.5 * std_weight / double(d) * positive(1.0 - s);
        v = select(s < 1.0, -0.25 * std_weight / double(d) * c.up() / s, 0.0);
      } else {
        cost = cov_weight / double(d) * square(v);
        v = 2.0 * cov_weight / double(d) * c.up() * v;
      }
      v = 2.0 / free * v;
      return cost;
    }));
    if (x.grad) multiply(c, n, d, d, h, d, 1, cov.data, d, 1, x.grad, true);
  }
};
inline constexpr Loss<VicRegLoss> vicreg_loss;

}  // namespace gradus
