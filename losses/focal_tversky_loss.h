// Focal Tversky loss: a Tversky loss that looks at the small masks that are still missed.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/set_overlap.h"

namespace gradus {

struct FocalTverskyLoss {
  double alpha = 0.3, beta = 0.7, gamma = 0.75, smooth = 1;

  using Self = FocalTverskyLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};
  static constexpr Option<Self> options[] = {
      option("alpha", &Self::alpha, range::non_negative), option("beta", &Self::beta, range::non_negative),
      option("gamma", &Self::gamma, range::positive), option("smooth", &Self::smooth, range::non_negative)};

  static constexpr About about = {
      .name = "focal_tversky_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "tversky_loss to a power: below 1 it keeps pulling where a mask is nearly right.",
      .formula = "max(TL, 1e-7)^gamma, TL = tversky_loss of the same mask",
      .gradient = "gamma TL^(gamma - 1) times that of tversky_loss; 0 below 1e-7",
      .kinks = "where TL reaches 1e-7, below which it is held: the slope of a power below 1 has no end at 0",
      .edges = "two empty masks and smooth 0: 1e-7^gamma, with gradient 0",
      .paper = "N. Abraham, N. Khan, A Novel Focal Tversky loss function, 2018",
      .aliases = "",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 1.0, 0.0]], "target": [[1.0, 1.0, 0.0]], "smooth": 0.0, "gamma": 2.0})",
       0.035792549306062822, "by hand: (0.35 / 1.85)²"},
  };

  int fold_axes() const { return all_but_channels; }
  GRADUS_FN SetOverlap overlap() const { return {alpha, beta, smooth}; }

  template <class T> using State = SetOverlap::Sums<T>;
  template <class T> using Constants = SetOverlap::Slopes<T>;
  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T y) const { return overlap().of(p, y); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return SetOverlap::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    const SetOverlap::Measured<T> m = overlap().measure(s);
    constexpr double least = 1e-7;
    auto held = m.value <= least;
    T base = select(held, least, m.value), value = pow(base, gamma);
    T slope = select(held, 0.0, gamma * value / base);
    return {value, 1.0, {slope * m.slopes.both, slope * m.slopes.apart}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> d, Column<T>, T p, T y) const {
    return {{overlap().along_p(d, p, y), overlap().along_y(d, p, y)}};
  }
};
inline constexpr Loss<FocalTverskyLoss> focal_tversky_loss;

}  // namespace gradus
