// Hinge embedding loss: distances of similar pairs shrink, those of dissimilar pairs grow to a margin.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct HingeEmbedding {
  Param margin = 1.0;

  using Self = HingeEmbedding;
  static constexpr Input<Self> inputs[] = {element("input"), constant(element("target", range::signs)),
                                           scalar("margin", &Self::margin)};

  static constexpr About about = {
      .name = "hinge_embedding_loss",
      .family = "metric learning",
      .tier = 2,
      .summary = "Learns from distances and whether they are of similar (1) or dissimilar (-1) pairs.",
      .formula = "x where t = 1;  [margin - x]+ where t = -1",
      .gradient = "1 where t = 1;  -1 where t = -1 and x <= margin, else 0",
      .kinks = "at x = margin, t = -1 the active branch is taken",
      .edges = "targets other than -1 and 1 are a DomainError",
      .aliases = "nn.HingeEmbeddingLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.25, 0.25, 3.0], "target": [1, -1, -1], "reduction": "sum"})", 1.0, "by hand: 0.25 + 0.75 + 0"},
      {R"({"input": [0.5, 1.5], "target": [-1, 1], "margin": 2.0})", 1.5,
       "torch.nn.functional.hinge_embedding_loss 1.13"},
  };

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t, T m) {
    T short_by = m - x;
    auto similar = t == 1.0, off = short_by < 0.0;
    T push = select(off, T(0.0), 1.0);
    return {select(similar, x, select(off, 0.0, short_by)), {select(similar, 1.0, -push), select(similar, 0.0, push)}};
  }
};
inline constexpr Loss<HingeEmbedding> hinge_embedding_loss;

}  // namespace gradus
