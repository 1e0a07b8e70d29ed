// Entmax: softmax for alpha towards 1, sparsemax for alpha = 2, and all between and beyond.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct EntmaxMap {
  Param alpha = 1.5;
  int64_t dim = -1;

  static constexpr Input<EntmaxMap> inputs[] = {
      array("input", "*C"), array("alpha", "", &EntmaxMap::alpha, Range{1, range::inf, true, true})};
  static constexpr Option<EntmaxMap> options[] = {option("dim", &EntmaxMap::dim)};
  static constexpr const char* result = "C";

  static constexpr About about = {
      .name = "entmax",
      .family = "classification",
      .summary = "Probabilities whose sparsity alpha sets: softmax as alpha goes to 1, sparsemax at 2.",
      .formula = "p = [(alpha - 1) z - tau]+^(1 / (alpha - 1)) with tau such that Σ p = 1, along dim",
      .gradient = "s (g - Σ s g / Σ s), s = p^(2 - alpha) on the support",
      .kinks = "where a class enters the support, for alpha >= 2; there it counts as outside",
      .edges = "shifted by the largest logit first, so that huge logits lose nothing; -infinity has p = 0",
      .paper =
          "B. Peters, V. Niculae, A. Martins, Sparse Sequence-to-Sequence Models, 2019; alpha as a parameter: G. "
          "Correia et al., 2019",
      .aliases = "EM entmax_bisect",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.5]})", 1.0, "by hand: all of the mass"},
      {R"({"input": [[-0.75]]})", 1.0, "by hand: all of the mass"},
  };

  int64_t class_axis() const { return dim; }

  template <class T> void solve(Case<T>& c) const {
    const int64_t classes = c.in[0].size();
    if (classes == 0) return;
    const EntmaxPoint<T> e(c, c.in[0].data, classes, c.in[1]());
    for (int64_t k = 0; k < classes; ++k) c.value(k) = e.p[k];
    if (!c.wants_grad) return;
    int64_t steepest = 0;  // whose gradient is that of all others, negated: its own difference would cancel
    for (int64_t k = 1; k < classes; ++k)
      if (holds(e.slope[k] > e.slope[steepest])) steepest = k;
    const auto g = [&](int64_t k) { return c.up(k) - c.up(steepest); };
    const T slopes = total<T>(classes, [&](int64_t k) { return e.slope[k]; });
    const T mean = total<T>(classes, [&](int64_t k) { return e.slope[k] * g(k); }) / slopes;
    const auto of = [&](int64_t k) { return k == steepest ? T(0.0) : e.slope[k] * (g(k) - mean); };
    if (c.grad[0]) {
      for (int64_t k = 0; k < classes; ++k) c.grad[0](k) = of(k);
      c.grad[0](steepest) = -total<T>(classes, of);
    }
    if (!c.grad[1]) return;
    // Where alpha rises, log p moves by (below + shift) p^(1-alpha) - log p, and the shift keeps Σ p.
    c.grad[1]() += total<T>(classes, [&](int64_t k) {
      const auto inside = e.p[k] > 0.0;
      const T p = select(inside, e.p[k], 1.0),
              pull = (e.slope[k] * select(inside, e.below[k], 0.0) - p * log(p)) / (e.alpha - 1.0);
      return select(inside, pull * (g(k) - mean), 0.0);
    });
  }
};
inline constexpr Loss<EntmaxMap> entmax;

}  // namespace gradus
