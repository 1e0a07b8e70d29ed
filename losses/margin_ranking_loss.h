// Margin ranking loss: of two scores the right one shall be the larger, by a margin.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct MarginRanking {
  Param margin = 0.0;

  using Self = MarginRanking;
  static constexpr Input<Self> inputs[] = {element("input1"), element("input2"), element("target", range::signs),
                                           scalar("margin", &Self::margin)};

  static constexpr About about = {
      .name = "margin_ranking_loss",
      .family = "ranking",
      .tier = 2,
      .summary = "Orders two scores: t = 1 wants the first to be the larger, t = -1 the second.",
      .formula = "[margin - t (x1 - x2)]+",
      .gradient = "-t where t (x1 - x2) <= margin, else 0",
      .kinks = "at t (x1 - x2) = margin the active branch is taken: equal scores with margin 0 are pushed apart",
      .edges = "targets other than -1 and 1 are a DomainError",
      .aliases = "nn.MarginRankingLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input1": [1.0, 2.0, 0.5], "input2": [0.5, 2.5, 0.75], "target": [1, 1, -1], "margin": 0.25})", 0.25,
       "by hand: (0 + 0.75 + 0) / 3"},
      {R"({"input1": [1.0, -2.0], "input2": [3.0, -2.5], "target": [1, -1], "margin": 0.5, "reduction": "sum"})", 3.5,
       "torch.nn.functional.margin_ranking_loss 1.13"},
  };

  template <class T> GRADUS_FN static Scored<T, 4> eval(T x1, T x2, T t, T m) {
    T d = x1 - x2, short_by = m - t * d;
    auto off = short_by < 0.0;
    T g = select(off, 0.0, t);
    return {select(off, 0.0, short_by), {-g, g, select(off, 0.0, -d), select(off, T(0.0), 1.0)}};
  }
};
inline constexpr Loss<MarginRanking> margin_ranking_loss;

}  // namespace gradus
