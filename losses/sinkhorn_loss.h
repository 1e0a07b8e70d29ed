// Sinkhorn's loss: the cost of moving one weighted set of points to another, with an entropy that makes it smooth.
#pragma once
#include "gradus/core/transport.h"

namespace gradus {

struct SinkhornLoss {
  Param a = 1.0, b = 1.0;
  double epsilon = 0.1, tol = 1e-9;
  bool debias = false;

  using Self = SinkhornLoss;
  static constexpr Input<Self> inputs[] = {array("x", "ND"), array("y", "MD"),
                                           array("a", "N", &Self::a, range::non_negative),
                                           array("b", "M", &Self::b, range::non_negative)};
  static constexpr Option<Self> options[] = {option("epsilon", &Self::epsilon, range::positive),
                                             option("debias", &Self::debias),
                                             option("tol", &Self::tol, range::positive)};

  static constexpr About about = {
      .name = "sinkhorn_loss",
      .family = "distribution matching",
      .tier = 3,
      .summary = "The cost of moving one weighted set of points to another, smoothed by an entropy.",
      .formula =
          "OT(x, y) = max over f, h of Σ a f + Σ b h - epsilon Σ a_i b_j (exp((f_i + h_j - |x_i - y_j|²) / epsilon) - "
          "1), with a and b divided by their sums; debias: OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2",
      .gradient = "to |x_i - y_j|²: the plan a_i b_j exp((f_i + h_j - |x_i - y_j|²) / epsilon); to a: f, to b: h",
      .edges = "no vectors: a mean over nothing, 0; a plan whose sums do not come within tol of a and b is refused",
      .paper =
          "M. Cuturi, Sinkhorn Distances, 2013; J. Feydy et al., Interpolating between Optimal Transport and MMD, "
          "2019",
      .aliases = "geomloss; sinkhorn_divergence",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [[0.0]], "y": [[2.0]]})", 4.0, "by hand: one point, moved by 2"},
      {R"({"x": [[0.0], [0.0]], "y": [[0.0], [1.0]], "epsilon": 0.5, "debias": true})", 0.35844520762075680, "mpmath"},
      {R"({"x": [[0.0], [0.5], [3.0]], "y": [[0.0], [1.0]], "a": [1.0, 2.0, 0.5], "b": [3.0, 1.0], "debias": true})",
       0.67022309119472380, "mpmath"},
  };

  template <class T> void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), y(c, 1);
    if (x.n == 0 || y.n == 0) {
      c.count() = 0.0;
      return;
    }
    const Shares<T> p(c, 2), q(c, 3);
    if (!p.sum_is_positive || !q.sum_is_positive) return;
    add(c, x, y, p, q, 1.0);
    if (debias) {
      add(c, x, x, p, p, -0.5);
      add(c, y, y, q, q, -0.5);
    }
    p.settle(c);
    q.settle(c);
  }

 private:
  // Weights divided by their sum.
  template <class T> struct Shares {
    int input;
    int64_t n;
    T *of, *up, largest, sum;
    bool sum_is_positive;
    Shares(Case<T>& c, int k)
        : input(k),
          n(c.in[k].size()),
          of(c.scratch(n)),
          up(c.scratch(n)),
          largest(frozen(gradus::largest(c.in[k].data, n))),
          sum_is_positive(holds(largest > 0.0)) {
      if (!sum_is_positive) {
        c.reject(k, 0, 0, "weights that do not add up to 0");
        return;
      }
      sum = total<T>(n, [&](int64_t i) { return c.in[k](i) / largest; });
      for (int64_t i = 0; i < n; ++i) of[i] = c.in[k](i) / largest / sum;
    }
    void settle(Case<T>& c) const {
      if (!c.grad[input]) return;
      const T mean = total<T>(n, [&](int64_t i) { return of[i] * up[i]; });
      for (int64_t i = 0; i < n; ++i) c.grad[input](i) += (up[i] - mean) / sum / largest;
    }
  };

  template <class T>
  void add(Case<T>& c, const Rows<T>& x, const Rows<T>& y, const Shares<T>& p, const Shares<T>& q,
           double weight) const {
    const Array<T> cost = squares(c, x, y);
    const Transport<T> t(c, cost, p.of, q.of, epsilon, tol);
    if (t.error > tol + t.rounding)
      return c.reject(0, 0, plain(c.in[0].data[0]).lane(0),
                      "points whose plan is found within tol; raise epsilon or tol");
    c.value() += weight * t.value;
    const T up = weight * c.up();
    for (int64_t i = 0; i < p.n; ++i) p.up[i] += up * t.f[i];
    for (int64_t j = 0; j < q.n; ++j) q.up[j] += up * t.h[j];
    for (int64_t i = 0; i < p.n; ++i)
      for (int64_t j = 0; j < q.n; ++j) cost(i, j) = up * t.plan(i, j);
    squares_back(c, cost, x, y);
  }
};
inline constexpr Loss<SinkhornLoss> sinkhorn_loss;

}  // namespace gradus
