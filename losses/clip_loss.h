// CLIP: two views of each thing find each other, in both directions, with a scale that is learned.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct ClipLoss {
  double max_scale = 100.0;

  static constexpr Input<ClipLoss> inputs[] = {array("x1", "ND"), array("x2", "ND"), array("log_scale", "")};
  static constexpr Option<ClipLoss> options[] = {option("max_scale", &ClipLoss::max_scale, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "clip_loss",
      .family = "contrastive",
      .summary =
          "Two views of each thing, as an image and its text, are to find each other among all of the batch, in both "
          "directions.",
      .formula =
          "S = min(exp(log_scale), max_scale) x̂1 x̂2ᵀ;  mean over i of half of (logΣexp of row i - S_ii) + (logΣexp "
          "of column i - S_ii)",
      .gradient = "G = (softmax of rows + softmax of columns - 2·1) / 2N; to log_scale: Σ G∘S",
      .kinks =
          "the cosine with a zero vector is 0, and so is its gradient; where exp(log_scale) reaches max_scale its "
          "gradient ends",
      .edges = "a single pair has nothing to be told from: 0",
      .paper = "A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021",
      .aliases = "OpenCLIP ClipLoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[2.0, 0.0], [0.0, 1.0]], "x2": [[1.0, 0.0], [0.0, 3.0]], "log_scale": 0.0})", 0.31326168751822286,
       "by hand: the cosines are the unit matrix, so log(1 + exp(-1))"},
      {R"({"x1": [[1.0, 0.0], [0.0, 1.0]], "x2": [[0.0, 1.0], [1.0, 0.0]], "log_scale": 9.0})", 100.0,
       "by hand: each prefers the wrong one by the largest scale; log(1 + exp(-100)) is lost"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0, true), y(c, 1, true);
    const T scale = exp(c.in[2]());
    const auto beyond = scale > max_scale;
    const T slope = in_batch(c, x, y, select(beyond, T(max_scale), scale), true);
    x.settle(c), y.settle(c);
    if (c.grad[2]) c.add(c.grad[2](), select(beyond, 0.0, slope * select(beyond, 0.0, scale)));
  }
};
inline constexpr Loss<ClipLoss> clip_loss;

}  // namespace gradus
