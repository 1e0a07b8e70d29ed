// In how many places two vectors differ, for all pairs of two sets.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct PairwiseHamming {
  bool normalize = true;

  using Self = PairwiseHamming;
  static constexpr Input<Self> inputs[] = {constant(any_dtype(array("x1", "NK"))),
                                           constant(any_dtype(array("x2", "MK")))};
  static constexpr Option<Self> options[] = {option("normalize", &Self::normalize)};
  static constexpr const char* result = "NM";

  static constexpr About about = {
      .name = "pairwise_hamming",
      .family = "metrics",
      .summary = "In what part of their components every vector of one set differs from every vector of another.",
      .formula = "Σ_k [x1_ik ≠ x2_jk], divided by the number of components where `normalize` is set",
      .gradient = "none",
      .edges = "numbers are compared exactly, and NaN differs from everything; vectors without components: 0",
      .aliases = "sklearn hamming metric; hamming_cdist; cdist(p=0) when normalize=false",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [[1, 0, 1]], "x2": [[1, 1, 1]]})", 0.3333333333333333, "by hand: one of three"},
      {R"({"x1": [[1, 0, 1]], "x2": [[0, 1, 1]], "normalize": false})", 2.0, "by hand: two"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0), y(c, 1);
    const double places = normalize && x.d ? double(x.d) : 1.0;
    c.each(x.n * y.n, [&](int64_t at) {
      const int64_t i = at / y.n, j = at % y.n;
      int64_t differ = 0;
      for (int64_t k = 0; k < x.d; ++k) differ += !holds(x(i, k) == y(j, k));
      c.value(i, j) = T(double(differ)) / places;
    });
  }
};
inline constexpr Loss<PairwiseHamming> pairwise_hamming;

}  // namespace gradus
