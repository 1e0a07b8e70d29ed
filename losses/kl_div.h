// Kullback–Leibler divergence, element by element, of a target from log-probabilities.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct KLDiv {
  bool log_target = false;

  static constexpr Input<KLDiv> inputs[] = {element("input"), element("target", range::non_negative)};
  static constexpr Option<KLDiv> options[] = {option("log_target", &KLDiv::log_target)};

  static constexpr About about = {
      .name = "kl_div",
      .family = "information",
      .summary = "How far the distribution exp(input) is from the target distribution, one term an element.",
      .formula =
          "t (log t - x);  exp(t) (t - x) with log_target.  The divergence itself is the sum over a distribution: "
          "batchmean, not mean, which divides by the number of elements",
      .gradient = "-t;  -exp(t) with log_target",
      .kinks = "the target's slope is infinite at t = 0, where 0 is returned",
      .edges = "t = 0 costs 0 even where x = -infinity; t > 0 there costs infinity; a negative target is a DomainError",
      .paper = "S. Kullback, R. A. Leibler, On Information and Sufficiency, 1951",
      .aliases = "nn.KLDivLoss; KE KLDivergence",
  };
  static constexpr Example examples[] = {
      {R"({"input": [-1.0, -0.5, -2.0], "target": [0.25, 0.75, 0.0], "reduction": "sum"})", 0.06266485538119168,
       "torch.nn.functional.kl_div 1.13"},
      {R"({"input": [-1.0, -0.5], "target": [-0.25, -3.0], "log_target": true, "reduction": "sum"})",
       0.45963291638389375, "torch.nn.functional.kl_div 1.13"},
  };

  int choose(bool) const { return log_target ? 1 : 0; }

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    auto nothing = t == 0.0;
    T gap = log(select(nothing, 1.0, t)) - x;
    return {select(nothing & !is_nan(x), 0.0, t * gap), {-t, select(nothing, 0.0, gap + 1.0)}};
  }
};

struct KLDivOfLogs {
  static constexpr Input<KLDivOfLogs> inputs[] = {element("input"), element("target")};

  KLDivOfLogs() = default;
  explicit KLDivOfLogs(const KLDiv&) {}

  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    T mass = exp(t), gap = t - x;
    // Nothing times an infinite gap is nothing, and so is no gap times a mass beyond the largest number.
    auto nothing = (mass == 0.0) & !is_nan(x), equal = (gap == 0.0) & (mass == T::infinity());
    return {select(nothing | equal, 0.0, mass * gap), {-mass, select(nothing, 0.0, mass * (gap + 1.0))}};
  }
};
inline constexpr Loss<KLDiv, KLDivOfLogs> kl_div;

}  // namespace gradus
