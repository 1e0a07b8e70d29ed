// Gaussian negative log-likelihood: a model that predicts its own variance.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct GaussianNll {
  bool full = false;
  double eps = 1e-6;

  using Self = GaussianNll;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"),
                                           leading(element("var", range::non_negative))};
  static constexpr Option<Self> options[] = {option("full", &Self::full), option("eps", &Self::eps, range::positive)};

  static constexpr About about = {
      .name = "gaussian_nll_loss",
      .family = "likelihoods",
      .tier = 2,
      .summary = "Squared error that knows how sure it is; gaussian_nll_log_var_loss needs no floor for the variance.",
      .formula =
          "v = max(var, eps);  (log v + (x - t)²/v) / 2;  full adds log(2 π)/2.  var may lack the last axis or have "
          "it 1",
      .gradient = "(x - t)/v;  of var: (1/v - (x - t)²/v²)/2 where var > eps, else 0",
      .kinks = "at var = eps: 0",
      .edges = "a negative var is a DomainError; PyTorch lets the gradient of var through its clamp, this does not",
      .aliases = "nn.GaussianNLLLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -0.5, 2.0], "target": [0.5, 0.5, 0.0], "var": [0.5, 2.0, 1.5]})", 0.6786886291291384,
       "torch.nn.functional.gaussian_nll_loss 1.13"},
      {R"({"input": [[1.0, -0.5], [2.0, 0.0]], "target": [[0.5, 0.5], [0.0, 0.0]], )"
       R"("var": [0.0, 4.0], "full": true, "reduction": "sum"})",
       624991.746537936, "torch.nn.functional.gaussian_nll_loss 1.13"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T x, T t, T var) const {
    auto floored = var <= eps;
    T v = select(floored, eps, var), e = x - t, g = e / v, loss = 0.5 * (log(v) + e * g);
    if (full) loss += 0.91893853320467274;
    return {loss, {g, -g, select(floored, 0.0, 0.5 * (1.0 - e * g) / v)}};
  }
};
inline constexpr Loss<GaussianNll> gaussian_nll_loss;

}  // namespace gradus
