// Epsilon-insensitive loss: errors within epsilon are free.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct EpsilonInsensitive {
  double epsilon = 0.1;
  int64_t p = 1;

  using Self = EpsilonInsensitive;
  static constexpr Input<Self> inputs[] = {element("input"), element("target")};
  static constexpr Option<Self> options[] = {option("epsilon", &Self::epsilon, range::non_negative),
                                             option("p", &Self::p, Range{1, 2, false, false, true})};

  static constexpr About about = {
      .name = "epsilon_insensitive_loss",
      .family = "regression",
      .tier = 3,
      .summary = "The loss of support vector regression.",
      .formula = "([|x - t| - epsilon]+)^p, p = 1 or 2",
      .gradient = "sign(x - t) p [|x - t| - epsilon]+^(p - 1) where |x - t| > epsilon, else 0",
      .kinks = "p = 1: at |x - t| = epsilon 0",
      .edges = "a negative epsilon, or another p, is a ParamError",
      .paper = "V. Vapnik, The Nature of Statistical Learning Theory, 1995",
      .aliases = "SVR loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, 2.0, 3.0], "target": [1.25, 2.0, 1.0], "epsilon": 0.5, "reduction": "sum"})", 1.5,
       "by hand: 0 + 0 + 1.5"},
      {R"({"input": [1.0, 3.0], "target": [1.75, 1.0], "epsilon": 0.5, "p": 2, "reduction": "sum"})", 2.3125,
       "by hand: 0.0625 + 2.25"},
  };

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T e = x - t, h = positive(abs(e) - epsilon);
    if (p == 2) {
      T g = 2.0 * h * sign(e);
      return {h * h, {g, -g}};
    }
    T g = select(h == 0.0, 0.0, sign(e));
    return {h, {g, -g}};
  }
};
inline constexpr Loss<EpsilonInsensitive> epsilon_insensitive_loss;

}  // namespace gradus
