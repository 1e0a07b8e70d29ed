// CORAL: labels that have an order, as one yes/no question between every two neighbours.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct CoralOrdinalLoss {
  using Self = CoralOrdinalLoss;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), lengths("target", "*", 'C')};

  static constexpr About about = {
      .name = "coral_ordinal_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Grades, ages, stars: each of K - 1 logits says whether the label lies beyond its threshold.",
      .formula = "Σ_k softplus(-x_k) where y > k, softplus(x_k) where y <= k, over the K - 1 columns of a row",
      .gradient = "sigmoid(x_k) - [y > k]",
      .edges = "labels run from 0 to the number of columns; finite for every finite logit",
      .paper = "W. Cao, V. Mirjalili, S. Raschka, Rank consistent ordinal regression for neural networks, 2020",
      .aliases = "CORAL",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0]], "target": [2]})", 2.0794415416798357, "by hand: 3 log 2"},
      {R"({"input": [[2.0, -1.0]], "target": [1]})", 0.44018969856119533, "mpmath: softplus(-2) + softplus(-1)"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto& x = c.in[0];
    const int64_t columns = x.size(), y = c.whole[1]();
    c.value() = c.total(columns, [&](int64_t k) { return softplus(y > k ? -x(k) : x(k)); });
    if (c.grad[0])
      c.each(columns, [&](int64_t k) { c.grad[0](k) = c.up() * (y > k ? -sigmoid(-x(k)) : sigmoid(x(k))); });
  }
};
inline constexpr Loss<CoralOrdinalLoss> coral_ordinal_loss;

}  // namespace gradus
