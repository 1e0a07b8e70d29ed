// Elastic net: L1 and L2 penalty together.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct ElasticNet {
  double l1 = 1, l2 = 1;
  bool half = true;

  static constexpr Input<ElasticNet> inputs[] = {element("input")};
  static constexpr Option<ElasticNet> options[] = {option("l1", &ElasticNet::l1, range::non_negative),
                                                   option("l2", &ElasticNet::l2, range::non_negative),
                                                   option("half", &ElasticNet::half)};

  static constexpr About about = {
      .name = "elastic_net_penalty",
      .family = "penalties",
      .summary = "Sparse weights, with correlated ones kept together.",
      .formula = "l1 Σ |w| + l2/2 Σ w²;  half=false: l2 Σ w²",
      .gradient = "l1 sign(w) + l2 w;  half=false: 2 l2 w",
      .kinks = "at w = 0: 0",
      .paper = "H. Zou, T. Hastie, Regularization and Variable Selection via the Elastic Net, 2005",
      .aliases = "elastic_net; KE L1L2 (half=false)",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0, 0.0], "l1": 0.25, "l2": 0.5})", 2.0, "by hand: 0.75 + 1.25"},
      {R"({"input": [1.0, -2.0, 0.0], "l1": 0.25, "l2": 0.5, "half": false})", 3.25, "by hand: 0.75 + 2.5"},
  };

  template <class T> GRADUS_FN Scored<T, 1> eval(T w) const {
    double slope = half ? l2 : 2 * l2;
    return {l1 * abs(w) + 0.5 * slope * (w * w), {l1 * sign(w) + slope * w}};
  }
};
inline constexpr Loss<ElasticNet> elastic_net_penalty;

}  // namespace gradus
