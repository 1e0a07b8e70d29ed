// Proxy-anchor loss: each class's proxy is an anchor that all rows of the batch are held against.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct ProxyAnchorLoss {
  double alpha = 32.0, delta = 0.1;

  using Self = ProxyAnchorLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("proxies", "CD"),
                                           indices<Self>("labels", "N", 'C')};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::positive),
                                             option("delta", &Self::delta)};

  static constexpr About about = {
      .name = "proxy_anchor_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Each proxy pulls the rows of its class and pushes the others, the hardest most.",
      .formula =
          "s = cosine;  mean over the proxies with positives of log(1 + Σ_P exp(-alpha (s - delta))) + mean over all "
          "proxies of log(1 + Σ_N exp(alpha (s + delta)))",
      .gradient =
          "to s: -alpha e_p / (1 + Σ e) / number of proxies with positives; alpha e_n / (1 + Σ e) / number of proxies",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "no rows or no proxies: 0",
      .paper = "S. Kim, D. Kim, M. Cho, S. Kwak, Proxy Anchor Loss for Deep Metric Learning, 2020",
      .aliases = "PML ProxyAnchorLoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "proxies": [[1.0, 0.0], [0.0, 3.0]], "labels": [0], "alpha": 1.0, "delta": 0.0})",
       0.6598352777981955, "by hand: log(1 + 1/e) and half of log 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), proxies(c, 1, true);
    const int64_t n = x.n, classes = proxies.n, *y = c.whole[2].data;
    if (n == 0 || classes == 0) {
      c.count() = 0.0;
      return;
    }
    int64_t with = 0;  // proxies that have positives
    for (int64_t k = 0; k < classes; ++k) {
      bool any = false;
      for (int64_t i = 0; i < n; ++i) any = any || y[i] == k;
      with += any;
    }
    const Array<T> s = dots(c, proxies, x);
    T* room = c.scratch(2 * n);
    for (int64_t k = 0; k < classes; ++k) {
      T* row = s.data + k * n;
      const LogSum<T> positives(c, row, n, T(-alpha), room, [&](int64_t i) { return y[i] == k; });
      const LogSum<T> negatives(c, row, n, T(alpha), room + n, [&](int64_t i) { return y[i] != k; });
      const T low = positives.above(delta), high = negatives.above(-delta);
      c.add(c.value(), softplus(low) / double(with) + softplus(high) / double(classes));
      const T raise = c.up() * alpha / double(with) * sigmoid(low),
              lower = c.up() * alpha / double(classes) * sigmoid(high);
      c.each(n, [&](int64_t i) { row[i] = lower * negatives.share[i] - raise * positives.share[i]; });
    }
    dots_back(c, s, proxies, x);
    x.settle(c), proxies.settle(c);
  }
};
inline constexpr Loss<ProxyAnchorLoss> proxy_anchor_loss;

}  // namespace gradus
