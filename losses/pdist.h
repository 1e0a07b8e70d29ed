// The distances of all pairs of one set of vectors, each pair once.
#pragma once
#include "gradus/core/distances.h"

namespace gradus {

struct SelfDistances {
  double p = 2.0;

  static constexpr Input<SelfDistances> inputs[] = {array("input", "NK")};
  static constexpr Option<SelfDistances> options[] = {option("p", &SelfDistances::p, range::non_negative)};
  static constexpr const char* result = "P";
  void deduce(Extents& e) const { e['P'] = e['N'] * (e['N'] - 1) / 2; }

  static constexpr About about = {
      .name = "pdist",
      .family = "distances",
      .summary = "The p-norm distance of every two vectors of a set, as a list of the pairs i < j row by row.",
      .formula = "‖x_i - x_j‖_p for i < j;  p = infinity: the largest component; p = 0: how many components differ",
      .gradient =
          "sign(e_k) |e_k|^(p-1) / distance^(p-1) for x_i, minus that for x_j; shared evenly where p = infinity has "
          "ties; 0 for p = 0",
      .kinks =
          "coinciding vectors; equal components for p <= 1; ties for p = infinity.  The gradient there is 0 or that "
          "share",
      .edges = "fewer than two vectors: an empty list",
      .aliases = "torch.pdist; scipy pdist",
      .kind = "pairs",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0], [3.0, 4.0]]})", 5.0, "by hand"},
      {R"({"input": [[1.0, 2.0], [4.0, -2.0]], "p": 1})", 7.0, "by hand"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0);
    Distance{p}.of_pairs(c, x, x,
                         [&](int64_t i, int64_t j) { return i < j ? i * (2 * x.n - i - 1) / 2 + j - i - 1 : -1; });
  }
};
inline constexpr Loss<SelfDistances> pdist;

}  // namespace gradus
