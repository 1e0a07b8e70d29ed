// Circle loss: every similarity is pulled by how far it is from where it should be.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct CircleLoss {
  double m = 0.4, gamma = 80.0;

  using Self = CircleLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("m", &Self::m), option("gamma", &Self::gamma, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "circle_loss",
      .family = "metric learning",
      .tier = 3,
      .summary =
          "Each similarity of a row is weighed by how far it is from its optimum, so that the far ones move first.",
      .formula =
          "s = cosine, a_p = [1 + m - s_ip]₊, a_n = [s_in + m]₊;  softplus(logΣexp_P(-gamma a_p (s_ip - 1 + m)) + "
          "logΣexp_N(gamma a_n (s_in - m))), mean over the rows with positives and negatives",
      .gradient =
          "the weights a count as constants: σ times -gamma a_p softmax_P of the positives, gamma a_n softmax_N of "
          "the negatives",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "rows without positives or negatives are left out; no row has both: a mean over nothing, 0",
      .paper = "Y. Sun et al., Circle Loss: A Unified Perspective of Pair Similarity Optimization, 2020",
      .aliases = "PML CircleLoss; KE Circle",
      .frozen = "the weights a",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], "labels": [0, 0, 1], "m": 0.25, "gamma": 1.0})",
       0.6325990353171691, "by hand: -0.25² twice: log(1 + exp(-1/8))"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true);
    const int64_t n = x.n, *y = c.whole[1].data;
    const Array<T> s = dots(c, x, x);
    T *room = c.scratch(2 * n), *weight = c.scratch(n);
    for (int64_t i = 0; i < n; ++i) {
      T* row = s.data + i * n;
      const auto alike = [&](int64_t j) { return y[j] == y[i]; };
      c.each(n, [&](int64_t j) {  // the logits
        const T fixed = frozen(row[j]);
        weight[j] = gamma * (alike(j) ? -positive(1.0 + m - fixed) : positive(fixed + m));
        row[j] = weight[j] * (row[j] - (alike(j) ? 1.0 - m : m));
      });
      const LogSum<T> low(c, row, n, T(1.0), room, [&](int64_t j) { return j != i && alike(j); });
      const LogSum<T> high(c, row, n, T(1.0), room + n, [&](int64_t j) { return !alike(j); });
      const bool kept = !low.empty() && !high.empty();
      const T z = kept ? low.above(0.0) + high.above(0.0) : T(0.0), g = kept ? c.up(i) * sigmoid(z) : T(0.0);
      c.value(i) = kept ? softplus(z) : T(0.0);
      c.count(i) = kept ? 1.0 : 0.0;
      c.each(n, [&](int64_t j) { row[j] = g * weight[j] * (low.share[j] + high.share[j]); });
    }
    dots_back(c, s, x, x);
    x.settle(c);
  }
};
inline constexpr Loss<CircleLoss> circle_loss;

}  // namespace gradus
