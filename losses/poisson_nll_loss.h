// Poisson negative log-likelihood, from the logarithm of the rate or the rate itself.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

// Stirling's approximation of log t!, which counts above 1 only.
template <Number T> GRADUS_FN WithSlope<T> stirling(T t) {
  auto counts = t > 1.0;
  T s = select(counts, t, 1.0), log_s = log(s);
  return {select(counts, s * (log_s - 1.0) + 0.5 * (log_s + 1.8378770664093453), 0.0),
          select(counts, log_s + 0.5 / s, 0.0)};
}

struct PoissonNll {
  bool log_input = true, full = false;
  double eps = 1e-8;

  using Self = PoissonNll;
  static constexpr Input<Self> inputs[] = {element("input"), element("target", range::non_negative)};
  static constexpr Option<Self> options[] = {option("log_input", &Self::log_input), option("full", &Self::full),
                                             option("eps", &Self::eps, range::non_negative)};

  static constexpr About about = {
      .name = "poisson_nll_loss",
      .family = "likelihoods",
      .tier = 2,
      .summary = "For counts: the target is drawn from a Poisson distribution.",
      .formula =
          "exp(x) - t x;  log_input=false: x - t log(x + eps);  full adds t log t - t + log(2 π t)/2 where t > 1",
      .gradient = "exp(x) - t;  log_input=false: 1 - t / (x + eps)",
      .kinks = "full: the value jumps at t = 1, where the lower branch is taken",
      .edges = "a negative target, or a negative rate, is a DomainError; exp overflows to infinity",
      .aliases = "nn.PoissonNLLLoss; KE Poisson",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.5, -1.0, 2.0], "target": [1, 0, 5], "full": true})", 1.2255012874648152,
       "torch.nn.functional.poisson_nll_loss 1.13"},
      {R"({"input": [0.5, 1.0, 2.0], "target": [1, 0, 5], "log_input": false, "reduction": "sum"})", 0.7274112327602191,
       "torch.nn.functional.poisson_nll_loss 1.13"},
  };

  int choose(bool) const { return log_input ? 0 : 1; }

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T rate = exp(x), loss = rate - times(t, x), dt = -x;
    if (full) {
      const auto factorial = stirling(t);
      loss += factorial.value, dt += factorial.slope;
    }
    return {loss, {rate - t, dt}};
  }
};

struct PoissonNllOfRates {
  bool full = false;
  double eps = 1e-8;

  using Self = PoissonNllOfRates;
  PoissonNllOfRates() = default;
  explicit PoissonNllOfRates(const PoissonNll& p) : full(p.full), eps(p.eps) {}

  static constexpr Input<Self> inputs[] = {element("input", range::non_negative),
                                           element("target", range::non_negative)};
  static constexpr Option<Self> options[] = {option("eps", &Self::eps, range::non_negative)};

  template <class T> GRADUS_FN Scored<T, 2> eval(T x, T t) const {
    T rate = x + eps, log_rate = log(rate), loss = x - times(t, log_rate), dt = -log_rate;
    if (full) {
      const auto factorial = stirling(t);
      loss += factorial.value, dt += factorial.slope;
    }
    return {loss, {1.0 - select(t == 0.0, 0.0, t / rate), dt}};
  }
};
inline constexpr Loss<PoissonNll, PoissonNllOfRates> poisson_nll_loss;

}  // namespace gradus
