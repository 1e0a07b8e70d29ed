// Decoupled contrastive learning: InfoNCE whose denominator leaves out the positive.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct DecoupledContrastiveLoss {
  Param temperature = 0.1;

  using Self = DecoupledContrastiveLoss;
  static constexpr Input<Self> inputs[] = {array("query", "ND"), array("positive_key", "ND"),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "decoupled_contrastive_loss",
      .family = "contrastive",
      .tier = 3,
      .summary = "InfoNCE without the positive among those it is held against, which keeps small batches learning.",
      .formula = "s = cosine / temperature;  logΣexp_{j≠i} s_ij - s_ii",
      .gradient = "to s: softmax_{j≠i} - [j = i]",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "a single row has nothing to be told from: 0",
      .paper = "C.-H. Yeh et al., Decoupled Contrastive Learning, 2022",
      .aliases = "DCL (Yeh)",
      .kind = "pairs",
  };
  static constexpr Example examples[] = {
      {R"({"query": [[1.0, 0.0], [0.0, 1.0]], "positive_key": [[2.0, 0.0], [0.0, 3.0]], "temperature": 1.0})", -1.0,
       "by hand: 0 - 1"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> query(c, 0, true), key(c, 1, true);
    const T temperature = c.in[2](), beta = 1.0 / temperature;
    const T slope = in_batch(c, query, key, beta, false, true);
    query.settle(c), key.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), -slope * beta / temperature);
  }
};
inline constexpr Loss<DecoupledContrastiveLoss> decoupled_contrastive_loss;

}  // namespace gradus
