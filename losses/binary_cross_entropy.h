// Binary cross-entropy on probabilities, with the three ways that are in use to keep its logarithms finite.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

struct BinaryCrossEntropy {
  enum Clamp : uint8_t { torch, keras, unclamped };
  static constexpr const char* clamps[] = {"torch", "keras", "none"};

  Param weight = 1.0;
  uint8_t clamp = torch;  // torch: no log is below -100; keras: p is clipped to [eps, 1 - eps]; none
  double eps = 1e-7, label_smoothing = 0;

  using Self = BinaryCrossEntropy;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit),
                                           element("weight", &Self::weight, range::non_negative)};
  static constexpr Option<Self> options[] = {option("clamp", &Self::clamp, clamps),
                                             option("eps", &Self::eps, Range{0, 0.5, true, true}),
                                             option("label_smoothing", &Self::label_smoothing, range::unit)};

  static constexpr About about = {
      .name = "binary_cross_entropy",
      .family = "classification",
      .summary = "Cross-entropy of independent yes/no questions on probabilities; on logits it is exact everywhere.",
      .formula =
          "-w [y log p + (1 - y) log(1 - p)], y smoothed to y (1 - s) + s/2.  clamp=torch: each log is at least -100; "
          "clamp=keras: p is clipped to [eps, 1 - eps].  mean divides by the number of elements",
      .gradient = "w (p - y) / (p (1 - p));  torch: the denominator is at least 1e-12; keras: 0 where p is clipped",
      .kinks =
          "keras: at the clip the inner slope is taken; torch: at p = y = 0 or 1 the slope is 0 as in PyTorch, not ±1",
      .edges = "p or y outside [0, 1] is a DomainError; clamp=none is infinite at a wrong certainty",
      .aliases = "nn.BCELoss; bce_loss; KE BinaryCrossentropy (clamp=keras)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [0.92, 0.976, 0.003], "target": [0, 0, 1]})", 4.021524361085492, "mpmath"},
      {R"({"input": [0.0, 0.25], "target": [1, 0.5], "weight": [2, 3], "reduction": "sum"})", 202.5109646503575,
       "torch.nn.functional.binary_cross_entropy 1.13"},
      {R"({"input": [0.0, 1.0], "target": [1, 1], "clamp": "keras", "reduction": "sum"})", 16.118095750958325,
       "mpmath: -log 1e-7 - log(1 - 1e-7)"},
  };

  template <class T> GRADUS_FN Scored<T, 3> eval(T input, T target, T w) const {
    T p = input, y = target, declared = 0;
    if (label_smoothing > 0) y = (1 - label_smoothing) * target + 0.5 * label_smoothing;
    T spread = p * (1.0 - p);
    auto stiff = spread < 1e-12;  // there the slope is PyTorch's, whatever the value does
    if (clamp == torch) {
      T slope_there = w * (p - y) * 1e12;
      declared = select(stiff, declared_slope(input, slope_there), 0.0);
      declare_convention(stiff, input);
      p = select(stiff, frozen(p), p);
    }
    T yes_cost = -log(p), no_cost = -log1p(-p), slope;
    if (clamp == torch) {
      yes_cost = select(yes_cost > 100.0, 100.0, yes_cost);
      no_cost = select(no_cost > 100.0, 100.0, no_cost);
      slope = select(stiff, (input - y) * 1e12, (input - y) / select(stiff, 1.0, spread));
    } else {
      slope = select(y == 1.0, 0.0, (1.0 - y) / (1.0 - p)) - select(y == 0.0, 0.0, y / p);
    }
    if (clamp == keras) {  // costs, not p, are replaced: 1 - eps may not be a float
      auto low = p < eps, high = p > 1 - eps;
      T far = -log(T(eps)), near = -log1p(T(-eps));
      yes_cost = select(low, far, select(high, near, yes_cost));
      no_cost = select(high, far, select(low, near, no_cost));
      slope = select(low | high, 0.0, slope);
    }
    T loss = times(1.0 - y, no_cost) + times(y, yes_cost);
    return {times(w, loss) + declared, {times(w, slope), (1 - label_smoothing) * times(w, yes_cost - no_cost), loss}};
  }
};
inline constexpr Loss<BinaryCrossEntropy> binary_cross_entropy;

}  // namespace gradus
