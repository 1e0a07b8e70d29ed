// Gaussian negative log-likelihood from the logarithm of the variance.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct GaussianNllOfLogVar {
  bool full = false;

  using Self = GaussianNllOfLogVar;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"), leading(element("log_var"))};
  static constexpr Option<Self> options[] = {option("full", &Self::full)};

  static constexpr About about = {
      .name = "gaussian_nll_log_var_loss",
      .family = "likelihoods",
      .tier = 3,
      .summary = "Squared error that knows how sure it is, without a floor for the variance.",
      .formula =
          "s = log_var;  (s + (x - t)² exp(-s)) / 2;  full adds log(2 π)/2.  log_var may lack the last axis or have "
          "it 1",
      .gradient = "(x - t) exp(-s);  of s: (1 - (x - t)² exp(-s))/2",
      .edges = "x = t costs s/2 for every finite s",
      .aliases = "gaussian NLL, log-variance head",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -0.5], "target": [0.5, 0.5], "log_var": [-1.0, 0.5], "reduction": "sum"})",
       0.39305055841369735, "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T x, T t, T s) const {
    T e = x - t, precision = exp(-0.5 * s), z = times(e, precision), g = times(z, precision);
    T loss = 0.5 * (s + z * z);
    if (full) loss += 0.91893853320467274;
    return {loss, {g, -g, 0.5 * (1.0 - z * z)}};
  }
};
inline constexpr Loss<GaussianNllOfLogVar> gaussian_nll_log_var_loss;

}  // namespace gradus
