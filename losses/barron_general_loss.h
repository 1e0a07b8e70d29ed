// Barron's general robust loss: one family that contains squared error, Charbonnier, Cauchy and Welsch loss.
#pragma once
#include "gradus/core/formula.h"
#include "gradus/core/functions.h"

namespace gradus {

// (exp(h) - 1)/h and its derivative by their series, for |h| < 1/2.
template <Number T> GRADUS_FN WithSlope<T> expm1_over(T h) {
  T value = 1.0, slope = 1.0;
  for (int n = 14; n >= 0; --n) {
    value = 1.0 + h * value * (1.0 / (n + 2));
    slope = 1.0 + h * slope * ((n + 2.0) / ((n + 1.0) * (n + 3.0)));
  }
  return {value, 0.5 * slope};
}

struct BarronGeneral {
  Param alpha = 1.0, scale = 1.0;

  using Self = BarronGeneral;
  static constexpr Input<Self> inputs[] = {element("input"), element("target"), element("alpha", &Self::alpha),
                                           element("scale", &Self::scale, range::positive)};

  static constexpr About about = {
      .name = "barron_general_loss",
      .family = "regression",
      .tier = 3,
      .summary =
          "Robust regression whose robustness alpha can be learnt: 2 is squared error, 1 Charbonnier, 0 Cauchy, "
          "-infinity Welsch.",
      .formula =
          "r = (x - t)/scale, b = |alpha - 2|;  (b/alpha) [(r²/b + 1)^(alpha/2) - 1];  alpha = 2: r²/2;  0: log(r²/2 "
          "+ 1);  -infinity: 1 - exp(-r²/2);  infinity: exp(r²/2) - 1",
      .gradient = "(r/scale) (r²/b + 1)^(alpha/2 - 1), and its limits",
      .kinks = "alpha = 2: the slope along alpha is infinite and taken as 0",
      .edges =
          "smooth through alpha = 0; r² may overflow; scale <= 0 is a ParamError; the normaliser of the density is "
          "not added",
      .paper = "J. Barron, A General and Adaptive Robust Loss Function, 2019",
      .aliases = "adaptive robust loss; barron_loss",
  };
  static constexpr Example examples[] = {
      {R"({"input": [1.0, -2.0], "target": [0.5, 1.0], "scale": 1.5, "reduction": "sum"})", 1.2901605308892494,
       "mpmath"},
      {R"({"input": [1.0, -2.0], "target": [0.5, 1.0], "alpha": -2.0, "reduction": "sum"})", 1.502262443438914,
       "mpmath: 2 z/(z + 4)"},
      {R"({"input": [1.0, -2.0], "target": [0.5, 1.0], "alpha": 0.0, "reduction": "sum"})", 1.8225311278948086,
       "mpmath"},
  };

  template <class T> GRADUS_FN static Scored<T, 4> eval(T x, T t, T alpha, T c) {
    T r = (x - t) / c, z = r * r, half = 0.5 * z;
    T above = alpha - 2.0, way = select(above < 0.0, T(-1.0), 1.0);
    auto quadratic = above == 0.0, endless = abs(alpha) == T::infinity(), limit = quadratic | endless;
    T a = select(limit, 3.0, alpha), s = select(limit, 1.0, way), b = abs(a - 2.0);
    // log(z/b + 1) and z/(z + b), also where z overflows.
    T ratio = z / b;
    auto over = !(ratio < T::infinity());
    T far = select(over, r, 1.0), near = select(over, 0.0, ratio);
    T log_base = select(over, 2.0 * log(abs(far)) - log(b), log1p(near)), bend = select(over, 1.0, near / (1.0 + near));
    T h = 0.5 * a * log_base, weight = exp(0.5 * (a - 2.0) * log_base);
    // b/a (exp(h) - 1): in a form that holds at a = 0 where h is small, and in one that holds at infinity elsewhere.
    auto small = (h > -0.5) & (h < 0.5), down = h < 0.0;
    const auto m = expm1_over(select(small, h, 0.0));
    T over_a = 1.0 / select(small, 1.0, a), grown = expm1(select(small, 1.0, h));
    T loss = select(small, 0.5 * b * log_base * m.value, b * over_a * grown);
    // Its slope along alpha, where d exp(h) = exp(h) bent.
    T bent = 0.5 * (log_base - a * s * bend / b), first = (s * a - b) * over_a * over_a, second = b * over_a * bent;
    T far_slope = select(down, first * grown + times(1.0 + grown, second), (first + second) * grown + second);
    // Near a = 2 both terms grow without bound; b/a (exp(h) - 1) is ((z + b) weight - b)/a, whose slope has none that
    // do.
    auto almost = (b < 0.5) & !over;
    T level = select(almost, z, 1.0), rise = weight * (s + (level + b) * (0.5 * log_base - over_a) - 0.5 * level);
    far_slope = select(almost, (rise - s + b * over_a) * over_a, far_slope);
    T dalpha = select(small, 0.5 * (s * m.value * (log_base - bend) + b * log_base * m.slope * bent), far_slope);
    // The limits.
    loss = select(quadratic, half, select(endless, way * expm1(way * half), loss));
    weight = select(quadratic, 1.0, select(endless, exp(way * half), weight));
    T pull = times(weight, r), g = pull / c;
    return {loss, {g, -g, select(limit, 0.0, dalpha), -times(pull, r) / c}};
  }
};
inline constexpr Loss<BarronGeneral> barron_general_loss;

}  // namespace gradus
