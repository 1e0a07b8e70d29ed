// Jaccard loss: the soft intersection over union of two masks.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/set_overlap.h"

namespace gradus {

struct JaccardLoss {
  double smooth = 1;

  using Self = JaccardLoss;
  static constexpr Input<Self> inputs[] = {element("input", range::unit), element("target", range::unit)};
  static constexpr Option<Self> options[] = {option("smooth", &Self::smooth, range::non_negative)};

  static constexpr About about = {
      .name = "jaccard_loss",
      .family = "segmentation",
      .tier = 3,
      .summary = "Segmentation by intersection over union, made continuous in the probabilities.",
      .formula =
          "1 - (Σ p y + smooth) / (Σ (p + y - p y) + smooth);  of (B,C,...) each channel of each sample is one set, of "
          "(B,M) each sample.",
      .gradient = "-(y (U + smooth) - (I + smooth) (1 - y)) / (U + smooth)²",
      .edges =
          "computed from what only one mask holds, so that nothing cancels where they nearly agree; two empty masks "
          "and smooth 0: 0, with gradient 0",
      .paper = "M. Rahman, Y. Wang, Optimizing Intersection-Over-Union in Deep Neural Networks, 2016",
      .aliases = "soft IoU; IoULoss",
      .kind = "tensor",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.5, 1.0, 0.0]], "target": [[1.0, 1.0, 0.0]], "smooth": 0.0})", 0.25, "by hand: 1 - 1.5 / 2"},
  };

  int fold_axes() const { return all_but_channels; }
  GRADUS_FN SetOverlap overlap() const { return {1, 1, smooth}; }

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
inline constexpr Loss<JaccardLoss> jaccard_loss;

}  // namespace gradus
