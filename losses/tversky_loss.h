// Tversky loss: Dice with a price for each kind of mistake.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/set_overlap.h"

namespace gradus {

struct TverskyLoss {
  double alpha = 0.3, beta = 0.7, smooth = 1;

  using Self = TverskyLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};
  static constexpr Option<Self> options[] = {option("alpha", &Self::alpha, range::non_negative),
                                             option("beta", &Self::beta, range::non_negative),
                                             option("smooth", &Self::smooth, range::non_negative)};

  static constexpr About about = {
      .name = "tversky_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Segmentation in which a pixel too many costs alpha and a missed one beta.",
      .formula =
          "1 - (I + smooth) / (I + alpha FP + beta FN + smooth), I = Σ p y, FP = Σ p (1 - y), FN = Σ (1 - p) y;  of "
          "(B,C,...) each channel of each sample is one set, of (B,M) each sample.",
      .gradient = "(A' (I + smooth) - A y) / (I + A + smooth)², A = alpha FP + beta FN, A' = alpha (1 - y) - beta y",
      .edges =
          "alpha = beta = 1/2 is dice_loss with half its smooth, 1 and 1 jaccard_loss; two empty masks and smooth 0: "
          "0, with gradient 0",
      .paper = "S. Salehi, D. Erdogmus, A. Gholipour, Tversky loss function for image segmentation, 2017",
      .aliases = "MONAI TverskyLoss; Keras Tversky (alpha = beta = 1/2)",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 1.0, 0.0]], "target": [[1.0, 1.0, 0.0]], "smooth": 0.0})", 0.35 / 1.85,
       "by hand: I = 1.5, FN = 0.5"},
      {R"({"input": [[0.5, 0.5]], "target": [[0.0, 1.0]], "alpha": 0.0, "beta": 1.0})", 0.25, "by hand: 1 - 1.5 / 2"},
  };

  int fold_axes() const { return all_but_channels; }
  GRADUS_FN SetOverlap overlap() const { return {alpha, beta, smooth}; }

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
inline constexpr Loss<TverskyLoss> tversky_loss;

}  // namespace gradus
