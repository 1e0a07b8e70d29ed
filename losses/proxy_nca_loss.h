// Proxy-NCA: neighbourhood components with one learned proxy a class in place of the other rows.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct ProxyNcaLoss {
  double scale = 1.0;
  bool include_own = true;

  using Self = ProxyNcaLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("proxies", "CD"),
                                           indices<Self>("labels", "N", 'C')};
  static constexpr Option<Self> options[] = {option("scale", &Self::scale, range::positive),
                                             option("include_own", &Self::include_own)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "proxy_nca_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "Each row is to be nearer to the proxy of its class than to the other proxies, all of length 1.",
      .formula =
          "d_c = scale |x̂ - ŵ_c|²;  d_y + logΣexp_c(-d_c), where c runs over all classes, or over the others without "
          "include_own",
      .gradient = "to the cosines: 2 scale (softmax_c(-d_c) - [c = y])",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "a single class has nothing to be told from: 0",
      .paper = "Y. Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, 2017",
      .aliases = "PML ProxyNCALoss",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[2.0, 0.0]], "proxies": [[1.0, 0.0], [0.0, 3.0]], "labels": [0]})", 0.1269280110429725,
       "by hand: log(1 + exp(-2))"},
      {R"({"input": [[2.0, 0.0]], "proxies": [[1.0, 0.0], [0.0, 3.0]], "labels": [0], "include_own": false})", -2.0,
       "by hand: 0 - 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), proxies(c, 1, true);
    const int64_t classes = proxies.n;
    const Array<T> s = dots(c, x, proxies);  // |x̂ - ŵ|² = 2 - 2 cosine, of which the 2 changes nothing
    T* room = c.scratch(2 * classes);
    for (int64_t i = 0; i < x.n; ++i) {
      const int64_t y = c.whole[2](i);
      const auto own = [y](int64_t j) { return j == y; };
      const auto other = [y](int64_t j) { return j != y; };
      c.value(i) =
          contrast(c, s.data + i * classes, classes, T(2.0 * scale), c.up(i), room, own, other, !include_own).value;
    }
    dots_back(c, s, x, proxies);
    x.settle(c), proxies.settle(c);
  }
};
inline constexpr Loss<ProxyNcaLoss> proxy_nca_loss;

}  // namespace gradus
