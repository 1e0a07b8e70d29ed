// Entmax with alpha = 1.5: between softmax and sparsemax, smooth and sparse.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct Entmax15Map {
  int64_t dim = -1;

  static constexpr Input<Entmax15Map> inputs[] = {array("input", "*C")};
  static constexpr Option<Entmax15Map> options[] = {option("dim", &Entmax15Map::dim)};
  static constexpr const char* result = "C";

  static constexpr About about = {
      .name = "entmax15",
      .family = "classification",
      .summary =
          "Probabilities between softmax and sparsemax: hopeless classes get exactly zero, the others change smoothly.",
      .formula = "p = [z / 2 - tau]+² with tau such that Σ p = 1, along dim",
      .gradient = "s (g - Σ s g / Σ s), s = √p",
      .kinks = "none; the second derivative jumps where a class enters the support",
      .edges = "shifted by the largest logit first, so that huge logits lose nothing; -infinity has p = 0",
      .paper = "B. Peters, V. Niculae, A. Martins, Sparse Sequence-to-Sequence Models, 2019",
      .aliases = "EM entmax15",
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
    const EntmaxPoint<T> e(c, c.in[0].data, classes, T(1.5));
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
  }
};
inline constexpr Loss<Entmax15Map> entmax15;

}  // namespace gradus
