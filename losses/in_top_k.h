// Is the right class among the k best?  The mean of the answers is the top-k accuracy.
#pragma once
#include "gradus/core/block.h"

namespace gradus {

struct InTopK {
  int64_t k = 1;

  static constexpr Input<InTopK> inputs[] = {constant(array("input", "*C")), indices<InTopK>("target", "*", 'C')};
  static constexpr Option<InTopK> options[] = {up_to('C', option("k", &InTopK::k, {1, range::inf}))};

  static constexpr About about = {
      .name = "in_top_k",
      .family = "classification",
      .summary = "True where the right class is among the k classes of the largest scores.",
      .formula = "rank <= k, rank = 1 + #{j: s_j > s_y} + #{j < y: s_j = s_y} over the classes of dimension 1",
      .gradient = "none: it is constant wherever it is differentiable",
      .edges =
          "of equal scores the first class ranks first; a NaN score of the right class is never in; k > C is a "
          "ParamError",
      .aliases = "tf.math.in_top_k; its mean is top_k_accuracy",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
      .logical = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 3.0, 2.0]], "target": [2], "k": 2})", 1, "by hand: 2 is the second largest"},
      {R"({"input": [[1.0, 3.0, 3.0]], "target": [2]})", 0, "by hand: class 1 comes first"},
  };

  int64_t class_axis() const { return 1; }

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const int64_t n = c.in[0].size(), y = c.whole[1]();
    if (y < 0) return;
    const T own = c.in[0](y);
    int64_t rank = 1;
    for (int64_t j = 0; j < n; ++j) rank += holds(c.in[0](j) > own) || (j < y && holds(c.in[0](j) == own));
    c.value() = rank <= k && !holds(is_nan(own)) ? 1.0 : 0.0;
  }
};
inline constexpr Loss<InTopK> in_top_k;

}  // namespace gradus
