// Sparsemax loss: cross-entropy's sparse cousin, whose predictions are exactly zero for hopeless classes.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct SparsemaxLoss {
  int64_t ignore_index = -100;

  static constexpr Input<SparsemaxLoss> inputs[] = {array("input", "*C"),
                                                    indices("target", "*", 'C', &SparsemaxLoss::ignore_index)};
  static constexpr Option<SparsemaxLoss> options[] = {option("ignore_index", &SparsemaxLoss::ignore_index)};

  static constexpr About about = {
      .name = "sparsemax_loss",
      .family = "classification",
      .summary =
          "The loss whose prediction is the Euclidean projection of the logits onto the simplex: zero once the right "
          "class leads by one.",
      .formula =
          "p = sparsemax(z);  (p - q)·z + (1 - |p|²)/2 - (1 - |q|²)/2.  mean divides by the number of rows that are "
          "not ignored",
      .gradient = "p - q",
      .kinks = "none in the value or slope; the second derivative jumps where a class enters the support",
      .edges =
          "shifted by the largest logit first, so that huge logits lose nothing; ignored rows have value and gradient "
          "0",
      .paper = "A. Martins, R. Astudillo, From Softmax to Sparsemax, 2016",
      .aliases = "EM SparsemaxLoss; OX multiclass_sparsemax_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.5, 1.0]], "target": [0]})", 1.0625,
       "by hand: support {1, 2}, tau = 0.25, p = (0, 0.25, 0.75)"},
      {R"({"input": [[3.0, 1.0, 0.0]], "target": [0]})", 0.0, "by hand: the right class leads by more than one"},
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
    const int64_t classes = c.in[0].size();
    T* p = c.scratch(classes);
    const T top = largest(c.in[0].data, classes);
    project_on_simplex(c, c.in[0].data, classes, p);
    const auto rest = [&](int64_t k) { return p[k] - (k == y ? 1.0 : 0.0); };
    c.value() = c.total(classes, [&](int64_t k) { return rest(k) * (c.in[0](k) - top) - 0.5 * (p[k] * p[k]); }) + 0.5;
    if (!c.grad[0]) return;
    c.each(classes, [&](int64_t k) { c.grad[0](k) = c.up() * rest(k); });
  }
};

// Against a distribution over the classes.
struct SparsemaxLossOfProbabilities {
  using Self = SparsemaxLossOfProbabilities;
  SparsemaxLossOfProbabilities() = default;
  explicit SparsemaxLossOfProbabilities(const SparsemaxLoss&) {}

  static constexpr Input<Self> inputs[] = {array("input", "*C"), array("target", "*C", range::unit)};
  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto &z = c.in[0], &q = c.in[1];
    const int64_t classes = z.size();
    T* p = c.scratch(classes);
    const T top = largest(z.data, classes);
    project_on_simplex(c, z.data, classes, p);
    const T excess = 1.0 - c.total(classes, [&](int64_t k) { return q(k); });
    c.value() = c.total(classes, [&](int64_t k) {
      return (p[k] - q(k)) * (z(k) - top) + 0.5 * (q(k) * q(k) - p[k] * p[k]);
    }) + top * without_rounding(excess, classes);
    c.each(classes, [&](int64_t k) {
      if (c.grad[0]) c.grad[0](k) = c.up() * (p[k] - q(k));
      if (c.grad[1]) c.grad[1](k) = c.up() * (q(k) - z(k));
    });
  }
};
inline constexpr Loss<SparsemaxLoss, SparsemaxLossOfProbabilities> sparsemax_loss;

}  // namespace gradus
