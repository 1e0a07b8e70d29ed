// Reduces a tensor of losses over the elements that a mask selects.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

// A masked-out element is selected away: not even a NaN comes through.
template <class T> struct Masked {
  T value, count, slope, mask_slope;

  GRADUS_FN Masked(T x, T m) {
    auto out = m == 0.0, lost = out & is_nan(x - x);  // masked out, and not finite
    value = select(lost, 0.0, x * m);
    count = m;
    slope = m;
    mask_slope = select(lost, 0.0, x);
  }
};

struct MaskedReduce {
  using Self = MaskedReduce;
  static constexpr Input<Self> inputs[] = {element("input"),
                                           in_count(any_dtype(broadcast(element("mask", range::non_negative))))};

  static constexpr About about = {
      .name = "masked_reduce",
      .family = "aggregation",
      .summary = "Sum or mean over the elements a mask selects, of padded sequences for example.",
      .formula =
          "sum: Σ m l;  mean: Σ m l / Σ m;  mean_per_row: the mean over rows (all axes but the last) of Σ m l / Σ m "
          "in each row",
      .gradient = "m / Σ m",
      .edges =
          "masked elements are selected away: NaN and infinity there count nothing, in value and gradient; a row "
          "without any selected element counts as 0; the mask may hold weights and broadcast to the input",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "mask": [[1, 1, 0], [1, 0, 0]]})", 2.3333333333333335,
       "by hand: (1 + 2 + 4) / 3"},
      {R"({"input": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "mask": [[1, 1, 0], [1, 0, 0]], "reduction": "mean_per_row"})",
       2.75, "by hand: (1.5 + 4) / 2"},
  };

  int choose(bool, Reduction asked) const { return asked == Reduction::mean_per_row ? 1 : 0; }
  Reduction reduced(Reduction asked) const { return asked == Reduction::mean_per_row ? Reduction::mean : asked; }

  template <class T> GRADUS_FN static Weighed<T, 2> eval(T x, T m) {
    const Masked<T> at(x, m);
    return {at.value, at.count, {at.slope, at.mask_slope}, {0, 1}};
  }
};

struct MaskedReduceOfRows {
  using Self = MaskedReduceOfRows;
  MaskedReduceOfRows() = default;
  explicit MaskedReduceOfRows(const MaskedReduce&) {}

  static constexpr Input<Self> inputs[] = {element("input"),
                                           any_dtype(broadcast(element("mask", range::non_negative)))};

  template <class T> struct State { T sum = 0, count = 0; };
  template <class T> struct Constants { T mean, share; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T m) const {
    const Masked<T> at(x, m);
    return {at.value, at.count};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {a.sum + b.sum, a.count + b.count};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    auto nothing = s.count == 0.0;
    T share = select(nothing, 0.0, 1.0 / select(nothing, 1.0, s.count)), mean = s.sum * share;
    return {mean, 1.0, {mean, share}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T m) const {
    const Masked<T> at(x, m);
    auto lost = (m == 0.0) & is_nan(x - x);
    return {{at.slope * c.share, select(lost, 0.0, (at.mask_slope - c.mean) * c.share)}};
  }
};
inline constexpr Loss<MaskedReduce, MaskedReduceOfRows> masked_reduce;

}  // namespace gradus
