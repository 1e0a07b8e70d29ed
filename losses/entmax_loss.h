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
          "number of rows that are "
          "not ignored",
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

  template <class T> void solve(Case<T>& c) const {
    const int64_t y = c.whole[1]();
    if (y < 0) {
      c.count() = 0.0;
      return;
    }
    const int64_t classes = c.in[0].size();
    const EntmaxPoint<T> e(c, c.in[0].data, classes, c.in[2]());
    c.value() = e.mean_below() - e.below[y] + e.entropy();
    if (c.grad[0])
      for (int64_t k = 0; k < classes; ++k) c.grad[0](k) = c.up() * (k == y ? -e.all_but(k) : e.p[k]);
    if (c.grad[2]) c.grad[2]() -= c.up() * e.entropy_slope();
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

  template <class T> void solve(Case<T>& c) const {
    const auto &z = c.in[0], &q = c.in[1];
    const int64_t classes = z.size();
    if (classes == 0) return;
    const EntmaxPoint<T> e(c, z.data, classes, c.in[2]());
    const T b = e.alpha - 1.0, scale = e.alpha * b;
    // q^alpha - q, where q may be 0
    const auto bent = [&](int64_t k) {
      const auto none = q(k) == 0.0;
      declare_convention(none,
                         q(k));  // the slope is that within the simplex, but differences of q^alpha hardly get there
      return select(none, -q(k), q(k) * expm1(b * log(select(none, 1.0, q(k)))));
    };
    const T excess = without_rounding(1.0 - total<T>(classes, [&](int64_t k) { return q(k); }), classes);
    const T bends = total<T>(classes, bent);
    const T pull = total<T>(classes, [&](int64_t k) {
      return select((q(k) == 0.0) & (e.below[k] < T::lowest()), 0.0, -q(k) * e.below[k]);
    });
    c.value() = e.mean_below() + pull + e.entropy() + (bends - excess) / scale + largest(z.data, classes) * excess;
    for (int64_t k = 0; k < classes; ++k) {
      if (c.grad[0]) c.grad[0](k) = c.up() * (e.p[k] - q(k));
      if (c.grad[1]) c.grad[1](k) = c.up() * (pow(q(k), b) / b - z(k));
    }
    if (!c.grad[2]) return;
    const T logs = total<T>(classes, [&](int64_t k) { return (bent(k) + q(k)) * log(select(q(k) == 0.0, 1.0, q(k))); });
    c.grad[2]() += c.up() * ((logs - (bends - excess) * (2.0 * e.alpha - 1.0) / scale) / scale - e.entropy_slope());
  }
};
inline constexpr Loss<EntmaxLoss, EntmaxLossOfProbabilities> entmax_loss;

}  // namespace gradus
