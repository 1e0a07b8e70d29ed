// Entmax loss: cross-entropy for alpha towards 1, the sparsemax loss for alpha = 2; alpha may train.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct EntmaxLoss {
  Param alpha = 1.5;
  int64_t ignore_index = -100;

  static constexpr Input<EntmaxLoss> inputs[] = {
      array("input", "*C"), indices("target", "*", 'C', &EntmaxLoss::ignore_index),
      array("alpha", "", &EntmaxLoss::alpha, Range{1, range::inf, true, true})};
  static constexpr Option<EntmaxLoss> options[] = {option("ignore_index", &EntmaxLoss::ignore_index)};

  static constexpr About about = {
      .name = "entmax_loss",
      .family = "classification",
      .summary = "The loss whose prediction is entmax of the logits, sparser the larger alpha is.",
      .formula =
          "p = entmax(z), Ω(p) = (Σ p^a - 1) / (a (a - 1)), a = alpha;  (p - q)·z - Ω(p) + Ω(q).  mean divides by the "
          "number of rows that are not ignored",
      .gradient = "p - q",
      .kinks = "none in the value or slope; the second derivative jumps where a class enters the support",
      .edges =
          "shifted by the largest logit first, so that huge logits lose nothing; ignored rows have value and gradient "
          "0",
      .paper =
          "B. Peters, V. Niculae, A. Martins, Sparse Sequence-to-Sequence Models, 2019; M. Blondel et al., Learning "
          "with Fenchel-Young losses, 2020",
      .aliases = "EM EntmaxBisectLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, -1.0, 1.0]], "target": [1], "alpha": 1.25})", 2.30352561282746558,
       "mpmath, tau by bisection"},
      {R"({"input": [[0.5, -1.0, 1.0]], "target": [[0.2, 0.5, 0.3]], "alpha": 3.0})", 0.960000000000000005,
       "mpmath, tau by bisection"},
      {R"({"input": [[0.0, 0.5, 1.0]], "target": [0], "alpha": 2.0})", 1.0625, "by hand: sparsemax_loss"},
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
    entmax_against_label(c, y, c.in[2](), c.grad[2].data);
  }
};

// Against a distribution over the classes.
struct EntmaxLossOfProbabilities {
  using Self = EntmaxLossOfProbabilities;
  Param alpha = 1.5;

  EntmaxLossOfProbabilities() = default;
  explicit EntmaxLossOfProbabilities(const EntmaxLoss& l) : alpha(l.alpha) {}

  static constexpr Input<Self> inputs[] = {array("input", "*C"), array("target", "*C", range::unit),
                                           array("alpha", "", &Self::alpha, Range{1, range::inf, true, true})};
  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    entmax_against_distribution(c, c.in[2](), c.grad[2].data);
  }
};
inline constexpr Loss<EntmaxLoss, EntmaxLossOfProbabilities> entmax_loss;

}  // namespace gradus
