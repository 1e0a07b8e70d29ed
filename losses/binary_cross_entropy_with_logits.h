// Binary cross-entropy on logits: the Bernoulli log-likelihood in the form that neither overflows nor cancels.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct BinaryCrossEntropyWithLogits {
  Param weight = 1.0, pos_weight = 1.0;
  double label_smoothing = 0;
  bool check_target = true;

  using Self = BinaryCrossEntropyWithLogits;
  static constexpr Input<Self> inputs[] = {element("input"),
                                           checked_if<Self>(element("target", range::unit), &Self::check_target),
                                           element("weight", &Self::weight, range::non_negative),
                                           element("pos_weight", &Self::pos_weight, range::non_negative)};
  static constexpr Option<Self> options[] = {option("label_smoothing", &Self::label_smoothing, range::unit),
                                             option("check_target", &Self::check_target)};

  static constexpr About about = {
      .name = "binary_cross_entropy_with_logits",
      .family = "classification",
      .summary = "Cross-entropy of independent yes/no questions, straight from logits.",
      .formula =
          "w [(1 - y) x + (1 + (P - 1) y) softplus(-x)], P = pos_weight.  mean divides by the number of elements",
      .gradient = "w [(1 - y) sigmoid(x) - P y sigmoid(-x)]",
      .edges = "finite for every finite logit; at x = ±infinity with the matching hard label the loss is 0",
      .aliases = "nn.BCEWithLogitsLoss; bce_with_logits; optax.sigmoid_binary_cross_entropy",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.5], "target": [1.0]})", 0.20141327798275246, "mpmath: log(1 + exp(-1.5))"},
      {R"({"input": [-2.0, 0.5], "target": [1.0, 0.25], "pos_weight": [3.0, 1.0], "reduction": "sum"})",
       7.229861017309024, "mpmath"},
  };

  template <class T> GRADUS_FN Scored<T, 4> eval(T x, T target, T w, T p) const {
    T y = target;
    if (label_smoothing > 0) y = (1 - label_smoothing) * target + 0.5 * label_smoothing;
    T e = exp_negative(-abs(x)), log_rest = log1p_unit(e);
    T big = 1.0 / (1.0 + e), small = e * big;
    auto negative = x < 0.0;
    T yes = select(negative, small, big), no = select(negative, big, small);  // sigmoid(x), sigmoid(-x)
    T tail = select(negative, -x, 0.0) + log_rest;                            // softplus(-x) = -log sigmoid(x)
    T front = select(negative, 0.0, x) + log_rest;                            // softplus(x) = -log sigmoid(-x)
    // (1-y) softplus(x) + P y softplus(-x): two non-negative terms, none of which is 0 times infinity.
    T gain = select((y == 0.0) & !(tail < T::infinity()), 0.0, y * tail);
    T loss = select((y == 1.0) & !(front < T::infinity()), 0.0, (1.0 - y) * front) + p * gain;
    T dy = p * tail - front;
    return {w * loss, {w * ((1.0 - y) * yes - p * y * no), (1 - label_smoothing) * w * dy, loss, w * gain}};
  }
};
inline constexpr Loss<BinaryCrossEntropyWithLogits> binary_cross_entropy_with_logits;

}  // namespace gradus
