// The distances of all pairs of two sets of vectors.
#pragma once
#include "gradus/core/distances.h"

namespace gradus {

struct PairwiseDistances {
  enum Mode : uint8_t { direct, gemm, automatic };
  static constexpr const char* modes[] = {"direct", "gemm", "auto"};
  double p = 2.0, eps = 0.0;
  uint8_t mode = direct;

  using Self = PairwiseDistances;
  static constexpr Input<Self> inputs[] = {array("x1", "*NK"), broadcast(array("x2", "*MK"))};
  static constexpr Option<Self> options[] = {option("p", &Self::p, range::non_negative),
                                             option("mode", &Self::mode, modes),
                                             option("eps", &Self::eps, range::non_negative)};
  static constexpr const char* result = "NM";

  static constexpr About about = {
      .name = "cdist",
      .family = "distances",
      .summary = "The p-norm distance of every vector of one set to every vector of another.",
      .formula =
          "‖x1_i - x2_j + eps‖_p;  p = infinity: the largest component; p = 0: how many components differ.  mode gemm "
          "goes through |x|² + |y|² - 2 x·y about the mean of x2 where that is exact enough (p = 2) and directly for "
          "pairs where it would cancel; auto does so from 64 components on",
      .gradient =
          "sign(e_k) |e_k|^(p-1) / distance^(p-1) for x1, minus that for x2; shared evenly where p = infinity has "
          "ties; 0 for p = 0",
      .kinks =
          "coinciding vectors; equal components for p <= 1; ties for p = infinity.  The gradient there is 0 or that "
          "share",
      .edges = "no vectors: an empty matrix; vectors without components: distance 0",
      .aliases = "torch.cdist",
      .kind = "pairs",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[0.0, 0.0]], "x2": [[3.0, 4.0]]})", 5.0, "by hand"},
      {R"({"x1": [[1.0, 2.0]], "x2": [[4.0, -2.0]], "p": 1})", 7.0, "by hand"},
      {R"({"x1": [[1.0, 2.0, 3.0]], "x2": [[1.0, 0.0, 0.0]], "p": 0})", 2.0, "by hand: two components differ"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), y(c, 1);
    const Distance distance{p, eps};
    if constexpr (Team::alone) {
      if (p == 2 && (mode == gemm || (mode == automatic && x.d >= 64))) return distance.by_products(c, x, y);
      if (p == 2 && (y.n >= 16 || x.d < 16)) return distance.by_columns(c, x, y);
    }
    distance.of_pairs(c, x, y, [&](int64_t i, int64_t j) { return i * y.n + j; });
  }
};
inline constexpr Loss<PairwiseDistances> cdist;

}  // namespace gradus
