// A linear layer and its cross-entropy as one: the logits exist for a few rows at a time, never all at once.
#pragma once
#include <algorithm>

#include "gradus/core/block.h"
#include "gradus/core/scores.h"
#include "gradus/losses/cross_entropy.h"

namespace gradus {

struct LinearCrossEntropy {
  Param linear_bias = none;
  Param weight = 1.0;
  int64_t ignore_index = -100;
  double label_smoothing = 0, z_loss = 0, softcap = none;

  using Self = LinearCrossEntropy;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), array("linear_weight", "CD"),
                                           indices("target", "N", 'C', &Self::ignore_index),
                                           optional(array("linear_bias", "C", &Self::linear_bias)),
                                           in_count(array("weight", "C", &Self::weight, range::non_negative))};
  static constexpr Option<Self> options[] = {
      option("ignore_index", &Self::ignore_index), option("label_smoothing", &Self::label_smoothing, range::unit),
      option("z_loss", &Self::z_loss, range::non_negative), option("softcap", &Self::softcap, range::positive, true)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "linear_cross_entropy",
      .family = "classification",
      .tier = 2,
      .summary = "Cross-entropy of a linear layer's logits without ever holding them all: for very many classes.",
      .formula = "cross_entropy(x Wᵀ + b, y), with its label smoothing, class weights, z-loss and soft cap",
      .gradient = "G W with G = d cross_entropy / d logits;  Gᵀ x for W, Σ_i G_i for b",
      .edges =
          "ignored rows have value and gradient exactly 0; beside its inputs and gradients it holds the logits of a "
          "few rows, about 256 K numbers",
      .paper = "P. Hsu et al., Liger Kernel, 2024; E. Wijmans et al., Cut Your Losses, 2024",
      .aliases = "LK fused_linear_cross_entropy; CCE",
      .kind = "fold",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0]], "linear_weight": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "target": [2]})",
       0.40760596444438, "mpmath: log(e + e² + e³) - 3"},
      {R"({"input": [[1.0]], "linear_weight": [[0.0], [0.0]], "target": [1], "linear_bias": [0.5, 0.5]})",
       0.69314718055994531, "log 2: two even classes"},
  };

  // How many rows' logits are held at once.
  GRADUS_ANYWHERE static int64_t rows_at_once(int64_t rows, int64_t classes) {
    constexpr int64_t held = 1 << 18;
    const int64_t fit = held / (classes > 1 ? classes : 1), some = fit > 16 ? fit : 16;
    return rows < some ? rows : some;
  }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Array<T>&x = c.in[0], &w = c.in[1];
    const int64_t rows = x.extent[0], width = x.extent[1], classes = w.extent[0], at_once = rows_at_once(rows, classes);
    Row<T> row{c, classes, c.scratch(classes), c.scratch(classes), c.scratch(classes)};
    T* logits = c.scratch(at_once * classes);
    for (int64_t first = 0; first < rows; first += at_once) {
      const int64_t n = at_once < rows - first ? at_once : rows - first;
      multiply(c, n, classes, width, x.data + first * width, width, 1, w.data, 1, width, logits);
      for (int64_t i = 0; i < n; ++i) one_row(c, row, first + i, logits + i * classes);
      if (c.grad[0])
        multiply(c, n, width, classes, logits, classes, 1, w.data, width, 1, c.grad[0].data + first * width);
      if (c.grad[1])
        multiply(c, classes, width, n, logits, 1, classes, x.data + first * width, width, 1, c.grad[1].data, true);
    }
  }

 private:
  template <class T> struct Row {
    Case<T>& c;
    int64_t classes;
    T *slope, *share, *cost;  // d score / d logit, exp(score - largest), -log p
  };

  // Value and count of row i; its logits are replaced by the loss's gradient with respect to them.
  template <class T> GRADUS_ANYWHERE void one_row(Case<T>& c, Row<T>& row, int64_t i, T* z) const {
    const int64_t n = row.classes, y = c.whole[2](i);
    if (y < 0) {
      c.count(i) = 0.0;
      c.each(n, [&](int64_t k) { z[k] = 0.0; });
      return;
    }
    const ScoreOf score{1, softcap};
    c.each(n, [&](int64_t k) {
      const auto point = score(c.in[3] ? z[k] + c.in[3](k) : z[k]);
      z[k] = point.score, row.slope[k] = point.slope;
    });
    const int64_t top = place_of_largest(z, n);
    const T highest = z[top];
    c.each(n, [&](int64_t k) { row.share[k] = exp_negative(k == top ? T(0.0) : z[k] - highest); });
    const T rest = total_without(c, top, n, [&](int64_t k) { return row.share[k]; }), all = 1.0 + rest,
            log_all = log1p(rest), lse = highest + log_all;
    c.each(n, [&](int64_t k) { row.cost[k] = log_all - (k == top ? T(0.0) : z[k] - highest); });
    const auto weight_of = [&](int64_t k) { return c.in[4](k); };
    const double hit = 1 - label_smoothing, each = label_smoothing / double(n);
    const T own = weight_of(y);
    T value = hit * own * row.cost[y], weights = 0;
    if (label_smoothing > 0) {
      value = value + each * c.total(n, [&](int64_t k) { return times(weight_of(k), row.cost[k]); });
      weights = c.total(n, weight_of);
    }
    if (z_loss > 0) value = value + z_loss * lse * lse;
    c.value(i) = value;
    c.count(i) = own;
    if (!c.wants_grad) return;
    const T others =
        total_without(c, y, n, [&](int64_t k) { return row.share[k]; }) / all;  // 1 - p_y without cancellation
    const T up = c.up(i);
    c.each(n, [&](int64_t k) {
      const T p = row.share[k] / all;
      T g = k == y ? -hit * own * others : hit * own * p;
      if (label_smoothing > 0) g = g + each * (weights * p - weight_of(k));
      if (z_loss > 0) g = g + 2 * z_loss * lse * p;
      z[k] = up * g * row.slope[k];
      if (c.grad[3]) c.grad[3](k) += z[k];
      if (!c.grad[4]) return;
      if (k == y) c.grad[4](k) += up * hit * row.cost[k] + c.count_up;
      if (label_smoothing > 0) c.grad[4](k) += up * each * row.cost[k];
    });
  }
};
inline constexpr Loss<LinearCrossEntropy> linear_cross_entropy;

}  // namespace gradus
