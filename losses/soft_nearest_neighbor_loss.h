// Soft nearest neighbour loss: how entangled the labels are in a space.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct SoftNearestNeighborLoss {
  enum Distance : uint8_t { sqeuclidean, cosine };
  static constexpr const char* distances[] = {"sqeuclidean", "cosine"};
  Param temperature = 1.0;
  uint8_t distance = sqeuclidean;

  using Self = SoftNearestNeighborLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N"),
                                           scalar("temperature", &Self::temperature, range::positive)};
  static constexpr Option<Self> options[] = {option("distance", &Self::distance, distances)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "soft_nearest_neighbor_loss",
      .family = "contrastive",
      .summary = "The negative log probability that a row's random neighbour, the nearer the likelier, has its label.",
      .formula =
          "a_ij = -d_ij / temperature;  logΣexp_{k≠i} a_ik - logΣexp_P a_ip, P the other rows of i's label; mean over "
          "the rows that have any.  d is the squared distance, or 1 - cosine",
      .gradient = "to a: softmax_{k≠i} - softmax_P; to d: that times -1/temperature",
      .kinks = "the cosine with a zero vector is 0, and so is its gradient",
      .edges = "rows without positives are left out; none has any: a mean over nothing, 0; a row without negatives: 0",
      .paper =
          "N. Frosst, N. Papernot, G. Hinton, Analyzing and Improving Representations with the Soft Nearest Neighbor "
          "Loss, 2019",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [2.0]], "labels": [0, 0, 1]})", 0.37086726606684367,
       "by hand: half of log(1 + exp(-3)) + log 2"},
      {R"({"input": [[100.0], [0.0], [1.0]], "labels": [0, 0, 1]})", 5099.0,
       "by hand: the pair is 10000 apart, the other 9801 and 1, so half of 199 + 9999; nothing may underflow"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const bool angle = distance == cosine;
    const Rows<T> x(c, 0, angle);
    const Array<T> s = angle ? dots(c, x, x) : squares(c, x, x);
    const T temperature = c.in[2](), beta = (angle ? 1.0 : -1.0) / temperature;  // the 1 of 1 - cosine changes nothing
    const T slope = among_labels(c, s, c.whole[1].data, beta);
    angle ? dots_back(c, s, x, x) : squares_back(c, s, x, x);
    x.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), -slope * beta / temperature);
  }
};
inline constexpr Loss<SoftNearestNeighborLoss> soft_nearest_neighbor_loss;

}  // namespace gradus
