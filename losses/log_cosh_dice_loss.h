// Log-cosh Dice loss: Dice with its slope tamed near 0.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/set_overlap.h"

namespace gradus {

struct LogCoshDiceLoss {
  double smooth = 1;
  bool squared = false;

  using Self = LogCoshDiceLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};
  static constexpr Option<Self> options[] = {option("smooth", &Self::smooth, range::non_negative),
                                             option("squared", &Self::squared)};

  static constexpr About about = {
      .name = "log_cosh_dice_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "The logarithm of the hyperbolic cosine of dice_loss: half its square near 0.",
      .formula = "log cosh(D), D = dice_loss of the same mask",
      .gradient = "tanh(D) times that of dice_loss",
      .edges = "as dice_loss",
      .paper = "S. Jadon, A survey of loss functions for semantic segmentation, 2020",
      .aliases = "",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0]], "target": [[1.0, 1.0]], "smooth": 0.0})", 0.43378083048302709, "log cosh 1 (mpmath)"},
  };

  int fold_axes() const { return all_but_channels; }
  GRADUS_FN SetOverlap overlap() const { return {0.5, 0.5, 0.5 * smooth, squared}; }

  template <class T> using State = SetOverlap::Sums<T>;
  template <class T> using Constants = SetOverlap::Slopes<T>;
  template <class T> GRADUS_FN State<T> lift(Column<T>, T p, T y) const { return overlap().of(p, y); }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return SetOverlap::merge(a, b); }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    const SetOverlap::Measured<T> m = overlap().measure(s);
    T rise = expm1(m.value), value = log1p(0.5 * square(rise) * exp(-m.value));  // it is never negative
    T slope = tanh(m.value);
    return {value, 1.0, {slope * m.slopes.both, slope * m.slopes.apart}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> d, Column<T>, T p, T y) const {
    return {{overlap().along_p(d, p, y), overlap().along_y(d, p, y)}};
  }
};
inline constexpr Loss<LogCoshDiceLoss> log_cosh_dice_loss;

}  // namespace gradus
