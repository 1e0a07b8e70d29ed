// Entmax-1.5 loss: between cross-entropy and the sparsemax loss, with sparse and smooth predictions.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct Entmax15Loss {
  int64_t ignore_index = -100;

  static constexpr Input<Entmax15Loss> inputs[] = {array("input", "*C"),
                                                   indices("target", "*", 'C', &Entmax15Loss::ignore_index)};
  static constexpr Option<Entmax15Loss> options[] = {option("ignore_index", &Entmax15Loss::ignore_index)};

  static constexpr About about = {
      .name = "entmax15_loss",
      .family = "classification",
      .summary = "The loss whose prediction is entmax15 of the logits: zero once the right class leads by two.",
      .formula =
          "p = entmax15(z), Ω(p) = (Σ p^a - 1) / (a (a - 1)), a = 1.5;  (p - q)·z - Ω(p) + Ω(q).  mean divides by the "
          "number of rows that are not ignored",
      .gradient = "p - q",
      .kinks = "none in the value or slope; the second derivative jumps where a class enters the support",
      .edges =
          "shifted by the largest logit first, so that huge logits lose nothing; ignored rows have value and gradient "
          "0",
      .paper =
          "B. Peters, V. Niculae, A. Martins, Sparse Sequence-to-Sequence Models, 2019; M. Blondel et al., Learning "
          "with Fenchel-Young losses, 2020",
      .aliases = "EM Entmax15Loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -1.0, 1.0]], "target": [1]})", 2.18437137891806938, "mpmath, tau by bisection"},
      {R"({"input": [[0.5, -1.0, 1.0]], "target": [[0.2, 0.5, 0.3]]})", 0.760788548177822959,
       "mpmath, tau by bisection"},
      {R"({"input": [[3.0, 1.0, 0.0]], "target": [0]})", 0.0, "by hand: the right class leads by two"},
  };

  int64_t class_axis() const { return 1; }
  int choose(bool integer_target) const { return integer_target ? 0 : 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t y = c.whole[1]();
    if (y < 0) {
      c.count() = 0.0;
      return;
    }
    entmax_against_label(c, y, T(1.5), static_cast<T*>(nullptr));
  }
};

// Against a distribution over the classes.
struct Entmax15LossOfProbabilities {
  using Self = Entmax15LossOfProbabilities;
  Entmax15LossOfProbabilities() = default;
  explicit Entmax15LossOfProbabilities(const Entmax15Loss&) {}

  static constexpr Input<Self> inputs[] = {array("input", "*C"), array("target", "*C", range::unit)};
  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    entmax_against_distribution(c, T(1.5), static_cast<T*>(nullptr));
  }
};
inline constexpr Loss<Entmax15Loss, Entmax15LossOfProbabilities> entmax15_loss;

}  // namespace gradus
