// The sum of several losses, each weighted by an uncertainty that is learnt.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct UncertaintyWeightedSum {
  enum Kind : uint8_t { regression, classification };
  static constexpr const char* kinds[] = {"regression", "classification"};

  uint8_t kind = regression;

  using Self = UncertaintyWeightedSum;
  static constexpr Input<Self> inputs[] = {element("losses"), element("log_vars")};
  static constexpr Option<Self> options[] = {option("kind", &Self::kind, kinds)};

  static constexpr About about = {
      .name = "uncertainty_weighted_sum",
      .family = "aggregation",
      .summary = "Joins the losses of several tasks and learns how much each of them is to be trusted.",
      .formula = "s = log_vars;  Σ (exp(-s) L + s)/2;  kind=classification: Σ exp(-s) L + s/2",
      .gradient = "exp(-s)/2;  classification: exp(-s);  of s: 1/2 less the weighted loss",
      .edges = "a loss of 0 costs s/2 for every finite s",
      .paper = "A. Kendall, Y. Gal, R. Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses, 2018",
      .aliases = "Kendall weighting",
      .kind = "penalty",
      .reduction = Reduction::sum,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"losses": [1.0, 2.0], "log_vars": [0.0, -1.0]})", 2.718281828459045, "mpmath: 0.5 + e - 0.5"},
      {R"({"losses": [1.0, 2.0], "log_vars": [0.0, -1.0], "kind": "classification"})", 5.93656365691809,
       "mpmath: 1 + 2 e - 0.5"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T loss, T s) const {
    T trust = exp(-s);
    if (kind == regression) trust *= 0.5;
    T weighed = times(loss, trust);
    return {weighed + 0.5 * s, {trust, 0.5 - weighed}};
  }
};
inline constexpr Loss<UncertaintyWeightedSum> uncertainty_weighted_sum;

}  // namespace gradus
