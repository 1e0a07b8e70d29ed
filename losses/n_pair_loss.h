// N-pair loss: one pair of each class, every anchor against the positives of all others.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct NPairLoss {
  double l2_reg = 0.0;

  static constexpr Input<NPairLoss> inputs[] = {array("anchor", "ND"), array("positive", "ND")};
  static constexpr Option<NPairLoss> options[] = {option("l2_reg", &NPairLoss::l2_reg, range::non_negative)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "n_pair_loss",
      .family = "contrastive",
      .summary =
          "One pair of vectors of each class: each anchor is to find its own positive among all, by dot products.",
      .formula = "mean over i of log(1 + Σ_{j≠i} exp(a_i·p_j - a_i·p_i)) + l2_reg (|a_i|² + |p_i|²)",
      .gradient = "(Σ_j softmax_j(a_i·p_j) p_j - p_i + 2 l2_reg a_i) / N",
      .edges = "a single pair has nothing to be told from: only the penalty remains",
      .paper = "K. Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016",
      .aliases = "PML NPairsLoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"anchor": [[1.0, 0.0], [0.0, 1.0]], "positive": [[2.0, 0.0], [0.0, 2.0]]})", 0.1269280110429725,
       "by hand: log(1 + exp(-2))"},
      {R"({"anchor": [[1.0, 0.0], [0.0, 1.0]], "positive": [[2.0, 0.0], [0.0, 2.0]], "l2_reg": 0.5})",
       2.6269280110429725, "by hand: and half of 1 + 4"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> a(c, 0), p(c, 1);
    in_batch(c, a, p, T(1.0));
    if (l2_reg == 0) return;
    const auto regularise = [&](const Rows<T>& x) {
      c.each(x.n, [&](int64_t i) {
        c.value(i) += l2_reg * total<T>(x.d, [&](int64_t k) { return square(x(i, k)); });
        for (int64_t k = 0; k < x.d && x.grad; ++k) x.grad[i * x.d + k] += 2.0 * l2_reg * c.up(i) * x(i, k);
      });
    };
    regularise(a), regularise(p);
  }
};
inline constexpr Loss<NPairLoss> n_pair_loss;

}  // namespace gradus
