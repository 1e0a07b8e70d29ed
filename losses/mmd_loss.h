// Maximum mean discrepancy: how far two samples' distributions are apart, by a Gaussian kernel.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct MmdLoss {
  double sigma = 1.0;
  bool unbiased = false;

  using Self = MmdLoss;
  static constexpr Input<Self> inputs[] = {array("x", "ND"), array("y", "MD")};
  static constexpr Option<Self> options[] = {option("sigma", &Self::sigma, range::positive),
                                             option("unbiased", &Self::unbiased)};

  static constexpr About about = {
      .name = "mmd_loss",
      .family = "distribution matching",
      .tier = 3,
      .summary = "The squared distance of two samples' means in the feature space of a Gaussian kernel.",
      .formula =
          "k(a, b) = exp(-|a - b|² / (2 sigma²));  mean k(x, x') + mean k(y, y') - 2 mean k(x, y); unbiased leaves "
          "out x = x', y = y'",
      .gradient = "to each squared distance: -k / (2 sigma²) times its weight in the means",
      .edges =
          "no vectors: a mean over nothing, 0; a single vector adds nothing to the unbiased loss; near samples keep "
          "their digits: then the sums are of k - 1",
      .paper = "A. Gretton et al., A Kernel Two-Sample Test, 2012",
      .aliases = "mmd_rbf",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x": [[0.0]], "y": [[2.0]]})", 1.7293294335267746, "by hand: 2 - 2 exp(-2)"},
      {R"({"x": [[0.0], [0.0]], "y": [[2.0], [2.0]], "unbiased": true})", 1.7293294335267746, "by hand: 2 - 2 exp(-2)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), y(c, 1);
    const double within = unbiased ? 1 : 0, rate = -0.5 / (sigma * sigma);
    const double pairs[] = {double(x.n) * (double(x.n) - within), double(y.n) * (double(y.n) - within),
                            double(x.n) * double(y.n)};
    const double sign[] = {1, 1, -2};
    const Rows<T>*first[] = {&x, &y, &x}, *second[] = {&x, &y, &y};
    if (x.n == 0 || y.n == 0) {
      c.count() = 0.0;
      return;
    }
    Array<T> s[3];
    bool near = true;  // then 1 may be taken from every k: 1 + 1 - 2 = 0
    for (int m = 0; m < 3; ++m) {
      s[m] = squares(c, *first[m], *second[m]);
      near = near && pairs[m] > 0;
      near = near &&
             holds(c.total(s[m].size(), [&](int64_t j) { return T(holds(rate * s[m](j) > -0.5) ? 0.0 : 1.0); }) == 0.0);
    }
    for (int m = 0; m < 3; ++m) {
      if (pairs[m] <= 0) continue;
      const double weight = sign[m] / pairs[m];
      const int64_t columns = s[m].extent[1];
      const auto left_out = [&](int64_t j) { return unbiased && m < 2 && j / columns == j % columns; };
      c.add(c.value(), weight * c.total(s[m].size(), [&](int64_t j) {
        const T a = rate * s[m](j);
        return left_out(j) ? T(0.0) : near ? expm1(a) : exp_negative(a);
      }));
      c.each(s[m].size(), [&](int64_t j) {
        s[m](j) = left_out(j) ? T(0.0) : c.up() * (weight * rate) * exp_negative(rate * s[m](j));
      });
      squares_back(c, s[m], *first[m], *second[m]);
    }
  }
};
inline constexpr Loss<MmdLoss> mmd_loss;

}  // namespace gradus
