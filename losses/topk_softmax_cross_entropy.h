// Cross-entropy with a softmax over the k largest logits only: it stops pushing once the right class leads the list.
#pragma once
#include "gradus/core/block.h"
#include "gradus/core/simplex.h"

namespace gradus {

struct TopkSoftmaxCrossEntropy {
  int64_t k = 10;
  bool include_target = false;

  using Self = TopkSoftmaxCrossEntropy;
  static constexpr Input<Self> inputs[] = {array("input", "*C"), indices<Self>("target", "*", 'C')};
  static constexpr Option<Self> options[] = {option("k", &Self::k, Range{1, range::inf}),
                                             option("include_target", &Self::include_target)};

  static constexpr About about = {
      .name = "topk_softmax_cross_entropy",
      .family = "classification",
      .summary = "Cross-entropy that lets only the k largest logits compete, for fine-tuning with many classes.",
      .formula =
          "log Σ_{j in K} exp(z_j) - z_y, K the k largest logits, and y too with include_target; mean divides by the "
          "number of rows",
      .gradient = "[j in K] softmax_K(z)_j - [j = y]",
      .kinks = "where the k-th and the next logit tie, the lower index belongs to K",
      .edges = "k beyond the number of classes is cross_entropy; the target's own gradient does not cancel",
      .paper = "Su Jianlin, SPACES, 2020",
      .aliases = "sparse softmax (SPACES)",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[3.0, 1.0, 2.0, 0.0]], "target": [1], "k": 1})", 2.0, "by hand: 3 - 1"},
      {R"({"input": [[0.0, 0.0, -5.0, -9.0]], "target": [2], "k": 2})", 5.693147180559945, "by hand: log 2 + 5"},
  };

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const auto& z = c.in[0];
    const int64_t classes = z.size(), y = c.whole[1]();
    const int64_t* order = descending(c, z.data, classes);
    const T top = z(order[0]), last = z(order[(k < classes ? k : classes) - 1]);
    T* e = c.scratch(classes);  // exp(z - top) in K, else 0
    c.each(classes, [&](int64_t i) {
      const int64_t j = order[i];
      const bool in = i < k || (include_target && j == y);
      const T x = in ? exp_negative(z(j) - top) : T(0.0);
      e[j] = select(z(j) > last, x, in ? x : T(0.0));  // one value; so a gradient check learns how near the border is
    });
    const auto sum_without = [&](int64_t left_out) {
      return c.total(classes, [&](int64_t j) { return j == left_out ? T(0.0) : e[j]; });
    };
    const T rest = sum_without(order[0]);
    c.value() = log1p(rest) + (top - z(y));
    if (!c.grad[0]) return;
    const T all = sum_without(-1);
    const T others = sum_without(y);
    c.each(classes, [&](int64_t j) { c.grad[0](j) = c.up() * (j == y ? -others : e[j]) / all; });
  }
};
inline constexpr Loss<TopkSoftmaxCrossEntropy> topk_softmax_cross_entropy;

}  // namespace gradus
