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

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    entmax_of_row(c, T(1.5), static_cast<T*>(nullptr));
  }
};
inline constexpr Loss<Entmax15Map> entmax15;

}  // namespace gradus
