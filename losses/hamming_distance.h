// Hamming distance: the fraction of positions at which two binary arrays differ.
#pragma once
#include "gradus/core/formula.h"

namespace gradus {

struct HammingDistance {
  enum Average : uint8_t { global, samplewise };
  static constexpr const char* averages[] = {"global", "samplewise"};

  uint8_t multidim_average = global;
  double threshold = 0.5;

  using Self = HammingDistance;
  static constexpr Input<Self> inputs[] = {constant(any_dtype(element("input"))),
                                           constant(any_dtype(element("target")))};
  static constexpr Option<Self> options[] = {option("multidim_average", &Self::multidim_average, averages),
                                             option("threshold", &Self::threshold)};

  static constexpr About about = {
      .name = "hamming_distance",
      .family = "distances",
      .summary = "How often binary predictions and labels differ.",
      .formula =
          "number of positions where [input > threshold] and [target > threshold] differ / number of positions; "
          "multidim_average global: over everything, samplewise: over all dimensions but the first",
      .gradient = "none: the value is piecewise constant",
      .edges = "integers and bools are accepted; NaN differs from everything",
      .aliases = "torchmetrics BinaryHammingDistance",
      .kind = "metric",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"input": [[0, 1, 0], [1, 1, 0]], "target": [[0, 1, 1], [1, 0, 0]]})", 0.33333333333333333,
       "by hand: 2 of 6"},
      {R"({"input": [0.9, 0.2, 0.7, 0.4], "target": [1, 0, 0, 0]})", 0.25, "by hand: 0.7 counts as 1"},
  };

  int fold_axes() const { return multidim_average == global ? 0 : all_but_first; }

  template <class T> struct State { T differing = 0; };
  template <class T> struct Constants { T nothing; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const {
    auto one = x > threshold, other = t > threshold;
    auto differ = (one & !other) | (other & !one) | is_nan(x) | is_nan(t);
    return {select(differ, T(1.0), 0.0)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const { return {a.differing + b.differing}; }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t positions) const {
    return {s.differing / double(positions), 1.0, {0.0}};
  }
  template <class T> GRADUS_FN Grads<T, 0> grad(Constants<T>, Column<T>, T, T) const { return {}; }
};
inline constexpr Loss<HammingDistance> hamming_distance;

}  // namespace gradus
