// Neighbourhood components analysis: the chance that a random near neighbour has the same label.
#pragma once
#include "gradus/core/pairs.h"

namespace gradus {

struct NcaLoss {
  double scale = 1.0;

  using Self = NcaLoss;
  static constexpr Input<Self> inputs[] = {array("input", "ND"), integers("labels", "N")};
  static constexpr Option<Self> options[] = {option("scale", &Self::scale, range::positive)};
  static constexpr const char* result = "N";

  static constexpr About about = {
      .name = "nca_loss",
      .family = "metric learning",
      .tier = 3,
      .summary = "The negative log probability that a neighbour drawn by its nearness has the row's label.",
      .formula =
          "logΣexp_{k≠i}(-scale |x_i - x_k|²) - logΣexp_P(-scale |x_i - x_p|²), mean over the rows that have "
          "positives P",
      .gradient = "to the squared distances: -scale (softmax_{k≠i} - softmax_P)",
      .edges =
          "rows without positives are left out; none has any: a mean over nothing, 0; hopelessly far rows keep their "
          "gradient",
      .paper = "J. Goldberger, S. Roweis, G. Hinton, R. Salakhutdinov, Neighbourhood Components Analysis, 2004",
      .aliases = "PML NCALoss",
      .kind = "pairs",
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0], [1.0], [2.0]], "labels": [0, 0, 1]})", 0.37086726606684367,
       "by hand: half of log(1 + exp(-3)) + log 2"},
  };

  static constexpr bool shared_by_team = true;

  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const Rows<T> x(c, 0);
    const Array<T> s = squares(c, x, x);
    among_labels(c, s, c.whole[1].data, T(-scale));
    squares_back(c, s, x, x);
  }
};
inline constexpr Loss<NcaLoss> nca_loss;

}  // namespace gradus
