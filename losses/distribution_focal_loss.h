// Distribution focal loss: cross-entropy against a real number between two bins.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct DistributionFocal {
  static constexpr Input<DistributionFocal> inputs[] = {element("input"),
                                                        to_last_column(row("target", range::non_negative))};

  static constexpr About about = {
      .name = "distribution_focal_loss",
      .family = "classification",
      .tier = 3,
      .summary = "Teaches a distribution over bins 0 … C-1 to gather at the two bins around a real target.",
      .formula =
          "-(1 - f) log p_b - f log p_(b+1), b = floor(y), f = y - b, p = softmax(x) over the last dimension; b = C - "
          "2 and f = 1 for y = C - 1",
      .gradient = "p_k - (1 - f) [k = b] - f [k = b + 1];  of the target: log p_b - log p_(b+1)",
      .kinks = "in y at the bins: the slope between this bin and the next is returned, at the last bin that before it",
      .edges = "y outside [0, C - 1] is a DomainError; one bin alone costs 0",
      .paper = "X. Li et al., Generalized Focal Loss, 2020",
      .aliases = "DFL",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0.0, 0.0, 0.0, 0.0]], "target": [1.25]})", 1.3862943611198906, "by hand: log 4"},
      {R"({"input": [[1.0, 2.0, 3.0]], "target": [0.25]})", 2.1576059644443804,
       "mpmath: log(1 + 1/e + 1/e²) + 3 - 0.75 * 1 - 0.25 * 2"},
  };

  template <class T> struct Bins { T low, share; };  // the bin below the target, and the share of the one above
  template <class T> GRADUS_FN static Bins<T> bins_of(T y, int64_t columns) {
    T last = columns > 1 ? double(columns - 2) : 0.0, low = floor(y);
    low = select(low < last, low, last);
    return {low, columns > 1 ? y - low : T(0.0)};
  }
  // The share of column k.
  template <class T> GRADUS_FN static T share_of(Column<T> at, T y) {
    Bins<T> b = bins_of(y, at.count);
    T k = T::from(at.index);
    return select(k == b.low, 1.0 - b.share, select(k == b.low + 1.0, b.share, 0.0));
  }

  template <class T> struct State {
    RunningSoftmax<T> softmax;
    T low = 0, high = 0;  // the logits of the two bins
  };
  template <class T> struct Constants { T max, rest, total, slope; };

  template <class T> GRADUS_FN State<T> lift(Column<T> at, T x, T y) const {
    T low = bins_of(y, at.count).low, k = T::from(at.index);
    return {RunningSoftmax<T>::of(x), select(k == low, x, 0.0), select(k == low + 1.0, x, 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return join(RunningSoftmax<T>::merge(a.softmax, b.softmax), a, b);
  }
  template <class T> GRADUS_FN State<T> join(typename RunningSoftmax<T>::Merged m, State<T> a, State<T> b) const {
    return {m.total, a.low + b.low, a.high + b.high};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t columns, T y) const {
    T share = bins_of(y, columns).share, high = columns > 1 ? s.high : s.low;
    T value = times(1.0 - share, s.softmax.max - s.low) + times(share, s.softmax.max - high) + log1p(s.softmax.rest);
    return {value, 1.0, {s.softmax.max, s.softmax.rest, 1.0 + s.softmax.rest, s.low - high}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T> at, T x, T y) const {
    T share = share_of(at, y), below = x - c.max;
    // Without cancellation where p is near 1.  There below is 0 and has the derivative of expm1(below).
    T at_top = (1.0 - share) - (c.rest - below) / c.total;
    T dx = select(below == 0.0, at_top, exp_negative(below) / c.total - share);
    return {{dx, select(at.index == 0, c.slope, 0.0)}};
  }
};
inline constexpr Loss<DistributionFocal> distribution_focal_loss;

}  // namespace gradus
