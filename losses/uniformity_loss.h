// Uniformity: how evenly vectors are spread over the sphere.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct UniformityLoss {
  double t = 2.0;

  static constexpr Input<UniformityLoss> inputs[] = {array("input", "ND")};
  static constexpr Option<UniformityLoss> options[] = {option("t", &UniformityLoss::t, range::positive)};

  static constexpr About about = {
      .name = "uniformity_loss",
      .family = "contrastive",
      .tier = 3,
      .summary = "The log of the mean Gaussian potential of all pairs: the lower, the more evenly they are spread.",
      .formula = "log mean_{i<j} exp(-t |x_i - x_j|²)",
      .gradient = "w the softmax of -t |x_i - x_j|² over all pairs: -2 t Σ_j w_ij (x_i - x_j)",
      .edges = "fewer than two vectors: a mean over nothing, 0",
      .paper =
          "T. Wang, P. Isola, Understanding Contrastive Representation Learning through Alignment and Uniformity on "
          "the Hypersphere, 2020",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [2.0]], "t": 1.0})", -1.380876370001407, "by hand: log((2/e + exp(-4)) / 3)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0);
    const int64_t n = x.n;
    if (n < 2) {
      c.count() = 0.0;
      return;
    }
    const double pairs = 0.5 * double(n) * double(n - 1);
    const Array<T> s = squares(c, x, x);
    const auto once = [n](int64_t j) { return j / n < j % n; };
    const LogSum<T> sum(c, s.data, n * n, T(-t), c.scratch(n * n), once);
    const bool even = holds(sum.rest > 0.5 * pairs);  // then log(1 + rest) - log(pairs) would cancel
    const T less =
        even ? c.total(n * n, [&](int64_t j) { return once(j) ? expm1(-t * (s(j) - sum.top)) : T(0.0); }) : T(0.0);
    c.value() = -t * sum.top + (even ? log1p(less / pairs) : log1p(sum.rest) - log(T(pairs)));
    c.each(n * n, [&](int64_t j) { s(j) = -t * c.up() * sum.share[j]; });
    squares_back(c, s, x, x);
  }
};
inline constexpr Loss<UniformityLoss> uniformity_loss;

}  // namespace gradus
