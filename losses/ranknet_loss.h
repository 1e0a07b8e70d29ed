// RankNet: of two items of a list, the more relevant one shall score higher.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct RanknetLoss {
  double sigma = 1;

  static constexpr Input<RanknetLoss> inputs[] = {array("input", "*L"), constant(array("target", "*L"))};
  static constexpr Option<RanknetLoss> options[] = {option("sigma", &RanknetLoss::sigma, range::positive)};

  static constexpr About about = {
      .name = "ranknet_loss",
      .family = "ranking",
      .tier = 3,
      .summary = "The logistic loss of every pair of a list that the relevances put in an order.",
      .formula = "Σ_{r_i > r_j} softplus(-sigma (s_i - s_j)) a list; mean divides by the number of lists",
      .gradient = "-sigma sigmoid(-sigma (s_i - s_j)) to i and its negative to j, of every pair",
      .edges = "pairs of equal relevance say nothing",
      .paper = "C. Burges et al., Learning to Rank using Gradient Descent, 2005",
      .aliases = "pairwise logistic",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 1.0, 1.0]], "target": [[2.0, 0.0, 1.0]]})", 2.0794415416798357, "by hand: 3 log 2"},
      {R"({"input": [[0.0, 2.0]], "target": [[1.0, 0.0]], "sigma": 0.5})", 1.3132616875182228, "by hand: log(1 + e)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &s = c.in[0], &r = c.in[1];
    const int64_t n = s.size();
    c.value() = c.total(n, [&](int64_t i) {
      return total<T>(n, [&](int64_t j) { return holds(r(i) > r(j)) ? softplus(sigma * (s(j) - s(i))) : T(0.0); });
    });
    if (!c.grad[0]) return;
    const auto push = [&](int64_t i, int64_t j) { return sigmoid(sigma * (s(j) - s(i))); };
    c.each(n, [&](int64_t i) {
      c.grad[0](i) = c.up() * sigma * total<T>(n, [&](int64_t j) {
                       return holds(r(i) > r(j)) ? -push(i, j) : holds(r(j) > r(i)) ? push(j, i) : T(0.0);
                     });
    });
  }
};
inline constexpr Loss<RanknetLoss> ranknet_loss;

}  // namespace gradus
