// Sparsemax: softmax's sparse cousin, the point of the simplex nearest to the logits.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct Sparsemax {
  int64_t dim = -1;

  static constexpr Input<Sparsemax> inputs[] = {array("input", "*C")};
  static constexpr Option<Sparsemax> options[] = {option("dim", &Sparsemax::dim)};
  static constexpr const char* result = "C";

  static constexpr About about = {
      .name = "sparsemax",
      .family = "classification",
      .summary =
          "Probabilities that are exactly zero for hopeless classes: the Euclidean projection of the logits onto the "
          "simplex.",
      .formula = "p = [z - tau]+ with tau such that Σ p = 1, along dim",
      .gradient = "on the support g - mean of g over the support, else 0",
      .kinks = "where a class enters the support; there it counts as outside",
      .edges = "shifted by the largest logit first, so that huge logits lose nothing; -infinity has p = 0",
      .paper = "A. Martins, R. Astudillo, From Softmax to Sparsemax, 2016",
      .aliases = "entmax.sparsemax",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.5]})", 1.0, "by hand: all of the mass"},
      {R"({"input": [[0.75]]})", 1.0, "by hand: all of the mass"},
  };

  int64_t class_axis() const { return dim; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t classes = c.in[0].size();
    if (classes == 0) return;
    const T* p = c.value.data;
    project_on_simplex(c, c.in[0].data, classes, c.value.data);
    if (!c.grad[0]) return;
    int64_t support = 0;
    for (int64_t k = 0; k < classes; ++k) support += holds(p[k] > 0.0);
    const T mean = c.total(classes, [&](int64_t k) { return select(p[k] > 0.0, c.up(k), 0.0); }) / double(support);
    c.each(classes, [&](int64_t k) { c.grad[0](k) += select(p[k] > 0.0, c.up(k) - mean, 0.0); });
  }
};
inline constexpr Loss<Sparsemax> sparsemax;

}  // namespace gradus
