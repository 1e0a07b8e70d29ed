// Cosine embedding loss: similar pairs point one way, dissimilar ones do not.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct CosineEmbedding {
  Param margin = 0.0;

  using Self = CosineEmbedding;
  static constexpr Input<Self> inputs[] = {element("input1"), element("input2"), constant(row("target", range::signs)),
                                           scalar("margin", &Self::margin, {-1, 1})};

  static constexpr About about = {
      .name = "cosine_embedding_loss",
      .family = "metric learning",
      .summary =
          "Turns similar pairs (target 1) together and dissimilar ones (target -1) apart, until their cosine is below "
          "the margin.",
      .formula =
          "1 - c for target 1, [c - margin]+ for target -1;  c = x·y / sqrt((|x|² + 1e-12) (|y|² + 1e-12)) over the "
          "last dimension",
      .gradient = "k (v - c u) / n, n² = |x|² + 1e-12, u = x / n, v likewise of y;  k = -1, or 1 where c > margin",
      .kinks = "at c = margin the active branch is taken",
      .edges =
          "c is 0 for a zero vector; neither overflows nor underflows; PyTorch takes any other target for a loss of "
          "0, here it is an error",
      .aliases = "nn.CosineEmbeddingLoss",
  };
  static constexpr Example examples[] = {
      {R"({"input1": [[1.0, -2.0, 0.5], [1.0, 2.0, 2.0]], "input2": [[0.3, 0.1, -2.0], [2.0, 1.0, 2.0]], "target": [1, -1]})",
       1.0414375653614085, "mpmath, torch.nn.functional.cosine_embedding_loss 1.13"},
      {R"({"input1": [[3.0, 4.0]], "input2": [[4.0, 3.0]], "target": [-1], "margin": 0.5})", 0.46,
       "by hand: 24/25 - 0.5, of which 1e-12 in the root takes 4e-14"},
  };

  static constexpr double eps = 1e-6;  // squared: 1e-12

  template <class T> struct State {
    RunningProducts<T> sums;
  };
  template <class T> struct Constants {
    Cosine<T> cosine;
    T pull, active;
  };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y, T, T) const { return {RunningProducts<T>::of(x, y)}; }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {RunningProducts<T>::merge(a.sums, b.sums)};
  }
  template <class T, class Columns> GRADUS_FN State<T> lift_all(Columns columns) const {
    return {RunningProducts<T>::of_all([&](auto add) { columns.each([&](Column<T>, T x, T y, T, T) { add(x, y); }); })};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t, T target, T margin) const {
    Cosine<T> cosine = Cosine<T>::smoothed(s.sums, eps);
    auto similar = target > 0.0;
    T above = cosine.c - margin;
    auto off = above < 0.0;
    T active = select(similar, T(0.0), select(off, T(0.0), 1.0));
    return {select(similar, 1.0 - cosine.c, select(off, 0.0, above)),
            1.0,
            {cosine, select(similar, T(-1.0), active), active}};
  }
  template <class T> GRADUS_FN Grads<T, 3> grad(Constants<T> k, Column<T> at, T x, T y, T, T) const {
    return {{k.pull * k.cosine.slope_x(x, y), k.pull * k.cosine.slope_y(x, y), select(at.index == 0, -k.active, 0.0)}};
  }
};
inline constexpr Loss<CosineEmbedding> cosine_embedding_loss;

}  // namespace gradus
