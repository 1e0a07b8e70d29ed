// Dice loss: how much of a predicted mask and the true one does not overlap.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/set_overlap.h"

namespace gradus {

struct DiceLoss {
  double smooth = 1;
  bool squared = false;

  using Self = DiceLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};
  static constexpr Option<Self> options[] = {option("smooth", &Self::smooth, range::non_negative),
                                             option("squared", &Self::squared)};

  static constexpr About about = {
      .name = "dice_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Segmentation by what two masks share: large backgrounds do not count.",
      .formula =
          "1 - (2 Σ p y + smooth) / (Σ p + Σ y + smooth);  squared: Σ p² + Σ y² below.  of (B,C,...) each channel of "
          "each sample is one set, of (B,M) each sample.",
      .gradient = "-(2 y Q - N) / Q², N and Q the two sides of the fraction;  squared: -(2 y Q - 2 p N) / Q²",
      .edges =
          "computed from what only one mask holds, so that nothing cancels where they nearly agree; two empty masks "
          "and smooth 0: 0, with gradient 0",
      .paper = "F. Milletari, N. Navab, S. Ahmadi, V-Net, 2016",
      .aliases = "soft Dice; MONAI DiceLoss; Keras Dice",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 1.0, 0.0]], "target": [[1.0, 1.0, 0.0]]})", 1.0 / 9,
       "by hand: 1 - (2 · 1.5 + 1) / (1.5 + 2 + 1)"},
      {R"({"input": [[0.5, 1.0, 0.0]], "target": [[1.0, 1.0, 0.0]], "squared": true, "smooth": 0.0})", 1.0 / 13,
       "by hand: 1 - 3 / 3.25"},
  };

  int fold_axes() const { return all_but_channels; }
  GRADUS_FN SetOverlap overlap() const { return {0.5, 0.5, 0.5 * smooth, squared}; }

  template <class T> using State = SetOverlap::Sums<T>;
  template <class T> using Constants = SetOverlap::Slopes<T>;
  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T y) const { return overlap().of(p, y); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return SetOverlap::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    const SetOverlap::Measured<T> m = overlap().measure(s);
    return {m.value, 1.0, m.slopes};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> d, Column<T>, T p, T y) const {
    return {{overlap().along_p(d, p, y), overlap().along_y(d, p, y)}};
  }
};
inline constexpr Loss<DiceLoss> dice_loss;

}  // namespace gradus
