// The regulariser of a variational autoencoder: how far a diagonal Gaussian is from the standard normal.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct VaeKlStandardNormal {
  static constexpr Input<VaeKlStandardNormal> inputs[] = {element("mu"), element("log_var")};

  static constexpr About about = {
      .name = "vae_kl_standard_normal",
      .family = "information",
      .tier = 3,
      .summary = "Keeps the code of an autoencoder near the standard normal: KL(N(mu, exp(log_var)) || N(0, 1)).",
      .formula = "1/2 Σ (mu² + exp(s) - 1 - s) over the last dimension, s = log_var",
      .gradient = "mu;  of log_var: (exp(s) - 1) / 2",
      .edges = "exp(s) - 1 - s does not cancel near s = 0; infinite where exp(s) is too large to be represented",
      .paper = "D. Kingma, M. Welling, Auto-Encoding Variational Bayes, 2013",
      .aliases = "gaussian_kl; VAE KL",
  };
  static constexpr Example examples[] = {
      {R"({"mu": [[1.0, 2.0]], "log_var": [[0.0, 0.0]]})", 2.5, "by hand: (1 + 4) / 2"},
      {R"({"mu": [[0.0]], "log_var": [[1e-6]]})", 2.5000008333335417e-13, "mpmath"},
  };

  template <class T> struct State { T sum = 0; };
  template <class T> struct Constants {};

  template <class T> GRADUS_FN State<T> lift(Column<T>, T mu, T s) const { return {0.5 * (mu * mu + exp_excess(s))}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.sum + b.sum}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const { return {s.sum, 1.0, {}}; }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T>, Column<T>, T mu, T s) const {
    return {{mu, 0.5 * expm1(s)}};
  }
};
inline constexpr Loss<VaeKlStandardNormal> vae_kl_standard_normal;

}  // namespace gradus
