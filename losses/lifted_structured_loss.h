// Lifted structured loss: every positive pair against all negatives of both of its members.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/distances.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct LiftedStructuredLoss {
  double margin = 1;
  bool hard = false;

  using Self = LiftedStructuredLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("margin", &Self::margin), option("hard", &Self::hard)};

  static constexpr About about = {
      .name = "lifted_structured_loss",
      .family = "metric learning",
      .summary =
          "Pulls the members of every pair of one class together and pushes all others away from both, the nearest "
          "most.",
      .formula =
          "J_ij = D_ij + log(Σ_{k: other class} exp(margin - D_ik) + Σ_k exp(margin - D_jk)), the largest in place of "
          "log Σ exp with hard;  Σ_{i<j: same class} [J_ij]+² / (2 number of such pairs), D the Euclidean distance",
      .gradient = "to D: [J]+ / pairs to D_ij, and its negative shared among the negatives by softmax",
      .kinks = "of two equal rows the distance has gradient 0; with hard, where two negatives are nearest",
      .edges = "0 without a pair of one class or without a second class",
      .paper = "H. Song et al., Deep Metric Learning via Lifted Structured Feature Embedding, 2016",
      .aliases = "PML LiftedStructureLoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [3.0]], "labels": [0, 0, 1], "hard": true})", 0.0, "by hand: 1 + 1 - 2"},
      {R"({"input": [[0.0], [1.0], [1.0]], "labels": [4, 4, 7], "hard": true})", 2.0, "by hand: (1 + 1 - 0)² / 2"},
      {R"({"input": [[0.0], [1.0], [1.0]], "labels": [4, 4, 7]})", 2.67558981746982801,
       "mpmath: (1 + log(1 + e))² / 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0);
    const int64_t n = x.n;
    const auto& label = c.whole[1];
    const Distance euclidean;
    Array<T> d = c.array(n, n), g = c.array(n, n);
    const Array<T> given = c.array(n, n);  // (i, j): of the push of a pair of a class, the part that row i gives
    c.each(n, [&](int64_t i) {
      RunningNorm<T> state;
      for (int64_t j = i + 1; j < n; ++j)
        d(i, j) = d(j, i) = euclidean.measure(x.at + i * x.d, x.at + j * x.d, x.d, state);
    });
    // Of each row the push of its negatives, kept as the nearest and the rest; all rows of a class have the same ones.
    T *near = c.scratch(n), *rest = c.scratch(n), *weight = c.scratch(n);
    int64_t *nearest = c.integers(n), pairs = 0;
    c.each(n, [&](int64_t i) {
      nearest[i] = -1;
      for (int64_t k = 0; k < n; ++k) {
        if (label(k) == label(i)) continue;
        if (nearest[i] < 0) {
          near[i] = d(i, k), nearest[i] = k;
          continue;
        }
        const auto nearer = (d(i, k) < near[i]) | is_nan(d(i, k));
        if (holds(nearer)) nearest[i] = k;
        near[i] = select(nearer, d(i, k), near[i]);
      }
      if (nearest[i] < 0 || hard) return;
      rest[i] = total<T>(n, [&](int64_t k) {
        return label(k) == label(i) || k == nearest[i] ? T(0.0) : exp_negative(near[i] - d(i, k));
      });
    });
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n && nearest[i] >= 0; ++j) pairs += label(j) == label(i);
    if (pairs == 0) {
      c.count() = 0.0;
      return;
    }
    const auto cost = [&](int64_t i, int64_t j) {
      const auto first = near[i] <= near[j];
      const T gap = select(first, near[i] - near[j], near[j] - near[i]), e = exp_negative(gap);
      T push = margin - select(first, near[i], near[j]), of_i = select(first, T(1.0), 0.0);
      if (!hard) {
        const T si = (1.0 + rest[i]) * select(first, T(1.0), e), sj = (1.0 + rest[j]) * select(first, e, T(1.0));
        push = push + log(si + sj);
        of_i = si / (si + sj);
      }
      const T active = positive(d(i, j) + push), r = c.up() * active / double(pairs);
      g(i, j) = r, given(i, j) = r * of_i, given(j, i) = r * (1.0 - of_i);
      return active * active / (2.0 * double(pairs));
    };
    c.value() = c.total(n, [&](int64_t i) {
      return total<T>(n - i - 1, [&](int64_t j) { return label(i) == label(j) ? cost(i, j) : T(0.0); }, i + 1);
    });
    if (!c.grad[0]) return;
    c.each(n, [&](int64_t i) { weight[i] = total<T>(n, [&](int64_t j) { return given(i, j); }); });
    const auto pushed = [&](int64_t i, int64_t k) {  // by row i
      if (hard && k != nearest[i]) return T(0.0);
      return hard ? weight[i]
                  : weight[i] * (k == nearest[i] ? T(1.0) : exp_negative(near[i] - d(i, k))) / (1.0 + rest[i]);
    };
    euclidean.pull(
        c, x, x, [](int64_t i, int64_t j) { return i < j; },
        [&](int64_t i, int64_t j) { return label(i) == label(j) ? g(i, j) : -(pushed(i, j) + pushed(j, i)); });
  }
};
inline constexpr Loss<LiftedStructuredLoss> lifted_structured_loss;

}  // namespace gradus
