// Signal-to-noise-ratio distance: the variance of the difference over that of the anchor.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct SnrDistance {
  static constexpr Input<SnrDistance> inputs[] = {element("x1"), element("x2")};

  static constexpr About about = {
      .name = "snr_distance",
      .family = "distances",
      .tier = 3,
      .summary = "How noisy x2 is as a copy of the features x1: noise variance over signal variance.",
      .formula = "var(x1 - x2) / var(x1) over the last dimension, both unbiased",
      .gradient =
          "2 ((e - mean e) - r (x1 - mean x1)) / ((D - 1) var x1), e = x1 - x2, r the value; to x2 -2 (e - mean e) / "
          "((D - 1) var x1)",
      .kinks = "where var x1 = 0 the gradient is 0",
      .edges =
          "where x1 is constant: 0 if x1 - x2 is so too, else infinity; neither overflows nor underflows; not "
          "symmetric",
      .paper = "T. Yuan et al., Signal-to-noise ratio: a robust distance metric for deep metric learning, 2019",
      .aliases = "PML SNRDistance",
      .reduction = Reduction::none,
      .fixed = true,
  };
  static constexpr Example examples[] = {
      {R"({"x1": [1.0, 2.0, 3.0], "x2": [1.0, 2.0, 5.0]})", 1.3333333333333333, "by hand: (4/3) / 1"},
      {R"({"x1": [1.0, -2.0, 0.5], "x2": [0.3, 0.1, -2.0]})", 2.08, "torch.var 1.13"},
  };

  // Count, mean and squared deviations of x in units of its largest magnitude, which cancel out.
  template <class T> struct Spread {
    T unit = RunningProducts<T>::smallest(), count = 0, mean = 0, squares = 0;

    GRADUS_FN static Spread of(T x) {
      T unit = RunningProducts<T>::unit(x);
      return {unit, 1.0, x / unit, 0.0};
    }
    GRADUS_FN static Spread merge(Spread a, Spread b) {
      T unit = RunningProducts<T>::larger(a.unit, b.unit), n = a.count + b.count;
      T down_a = a.unit / unit, down_b = b.unit / unit, part = b.count / n;
      T gap = b.mean * down_b - a.mean * down_a;
      return {unit, n, a.mean * down_a + gap * part,
              a.squares * down_a * down_a + b.squares * down_b * down_b + gap * gap * a.count * part};
    }
  };

  template <class T> struct State { Spread<T> signal, noise; };
  template <class T> struct Constants { T unit_x, mean_x, unit_e, mean_e, pull_x, pull_e, over; };

  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T y) const {
    return {Spread<T>::of(x), Spread<T>::of(x - y)};
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    return {Spread<T>::merge(a.signal, b.signal), Spread<T>::merge(a.noise, b.noise)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    auto flat = s.signal.squares == 0.0, quiet = s.noise.squares == 0.0;
    T ratio = select(flat, 0.0, s.noise.unit / s.signal.unit);
    T r = s.noise.squares / select(flat, 1.0, s.signal.squares) * ratio * ratio;
    T over = select(flat, 0.0, 2.0 / select(flat, 1.0, s.signal.squares));
    return {select(flat & !quiet, T::infinity(), r),
            1.0,
            {s.signal.unit, s.signal.mean, s.noise.unit, s.noise.mean, select(r < T::highest(), r, T::highest()), ratio,
             over}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T y) const {
    T e = c.pull_e * ((x - y) / c.unit_e - c.mean_e), g = c.pull_x * (x / c.unit_x - c.mean_x);
    return {{c.over * (e - g) / c.unit_x, -c.over * e / c.unit_x}};
  }
};
inline constexpr Loss<SnrDistance> snr_distance;

}  // namespace gradus
