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

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const { entmax_of_row(c, c.in[1](), c.grad[1].data); }
};
inline constexpr Loss<EntmaxMap> entmax;

}  // namespace gradus
