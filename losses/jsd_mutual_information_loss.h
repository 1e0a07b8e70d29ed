// A bound on mutual information by the Jensen-Shannon divergence, negated: scores of joint pairs up, of shuffled pairs
// down.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

struct JsdMutualInformationLoss {
  static constexpr Input<JsdMutualInformationLoss> inputs[] = {array("joint", "~A"), array("marginal", "~B")};

  static constexpr About about = {
      .name = "jsd_mutual_information_loss",
      .family = "contrastive",
      .summary =
          "Tells pairs that belong together from shuffled ones, which bounds their mutual information from below.",
      .formula = "mean softplus(-joint) + mean softplus(marginal); the two may differ in shape",
      .gradient = "-sigmoid(-joint) / n, sigmoid(marginal) / m",
      .edges = "0 where either has no elements",
      .paper = "D. Hjelm et al., Deep InfoMax, 2019; Y. Zhang et al., IS-BERT, 2020",
      .aliases = "Deep InfoMax JSD; IS-BERT",
      .kind = "map",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"joint": [0.0], "marginal": [0.0, 0.0, 0.0]})", 1.3862943611198906, "by hand: 2 log 2"},
      {R"({"joint": [1.5, -2.0], "marginal": [[0.5], [-1.0], [3.0]]})", 2.6094793189368863, "mpmath"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &joint = c.in[0], &marginal = c.in[1];
    const int64_t n = joint.size(), m = marginal.size();
    if (n == 0 || m == 0) {
      c.count() = 0.0;
      return;
    }
    c.value() = c.total(n, [&](int64_t i) { return softplus(-joint(i)); }) / double(n) +
                c.total(m, [&](int64_t i) { return softplus(marginal(i)); }) / double(m);
    if (c.grad[0]) c.each(n, [&](int64_t i) { c.grad[0](i) = -c.up() * sigmoid(-joint(i)) / double(n); });
    if (c.grad[1]) c.each(m, [&](int64_t i) { c.grad[1](i) = c.up() * sigmoid(marginal(i)) / double(m); });
  }
};
inline constexpr Loss<JsdMutualInformationLoss> jsd_mutual_information_loss;

}  // namespace gradus
