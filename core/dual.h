// A number and its derivative along one direction, carried through every function by the exact rule: no step size.
// Dual<Dual<...>> gives the second order.  Where a function has branches, the derivative is that of the branch taken.
#pragma once
#include "gradus/core/number.h"

namespace gradus {
template <class P> struct Dual {
  using Scalar = typename P::Scalar;
  using Mask = typename P::Mask;
  using Index = typename P::Index;
  using Plain = typename P::Plain;
  static constexpr int size = P::size;
  P v, d;

  Dual() = default;
  GRADUS_FN Dual(double c) : v(c), d(0.0) {}
  GRADUS_FN explicit Dual(Plain c) : v(c), d(0.0) {}  // a constant
  GRADUS_FN Dual(P v, P d) : v(v), d(d) {}
  GRADUS_FN static Dual from(Index i) { return {P::from(i), 0.0}; }
  GRADUS_FN static Dual lowest() { return {P::lowest(), 0.0}; }
  GRADUS_FN static Dual highest() { return {P::highest(), 0.0}; }
  GRADUS_FN static Dual infinity() { return {P::infinity(), 0.0}; }

  GRADUS_FN friend Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
  GRADUS_FN friend Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
  GRADUS_FN friend Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
  GRADUS_FN friend Dual operator/(Dual a, Dual b) {
    P q = a.v / b.v;
    return {q, (a.d - q * b.d) / b.v};
  }
  GRADUS_FN friend Dual operator-(Dual a) { return {-a.v, -a.d}; }
  GRADUS_FN friend Mask operator<(Dual a, Dual b) { return a.v < b.v; }
  GRADUS_FN friend Mask operator>(Dual a, Dual b) { return a.v > b.v; }
  GRADUS_FN friend Mask operator<=(Dual a, Dual b) { return a.v <= b.v; }
  GRADUS_FN friend Mask operator>=(Dual a, Dual b) { return a.v >= b.v; }
  GRADUS_FN friend Mask operator==(Dual a, Dual b) { return a.v == b.v; }
  GRADUS_FN friend Mask operator!=(Dual a, Dual b) { return a.v != b.v; }

  GRADUS_FN friend Dual select(Mask m, Dual a, Dual b) { return {select(m, a.v, b.v), select(m, a.d, b.d)}; }
  GRADUS_FN friend Dual max(Dual a, Dual b) { return select(a < b, b, a); }
  GRADUS_FN friend Dual min(Dual a, Dual b) { return select(b < a, b, a); }
  GRADUS_FN friend Dual clamp(Dual x, Dual low, Dual high) { return min(max(x, low), high); }
  GRADUS_FN friend Dual abs(Dual a) { return {abs(a.v), select(a.v < 0.0, -a.d, a.d)}; }
  GRADUS_FN friend Dual copysign(Dual a, Dual sign) {
    P one = 1.0;
    return {copysign(a.v, sign.v), a.d * copysign(one, a.v) * copysign(one, sign.v)};
  }
  GRADUS_FN friend Dual fma(Dual a, Dual b, Dual c) { return {fma(a.v, b.v, c.v), fma(a.d, b.v, fma(a.v, b.d, c.d))}; }
  GRADUS_FN friend Dual sqrt(Dual a) {
    P r = sqrt(a.v);
    return {r, 0.5 * a.d / r};
  }
  GRADUS_FN friend Dual floor(Dual a) { return {floor(a.v), 0.0}; }
  GRADUS_FN friend Dual round(Dual a) { return {round(a.v), 0.0}; }
  GRADUS_FN friend Mask is_nan(Dual a) { return is_nan(a.v); }
  GRADUS_FN friend Dual rotate(Dual a, int by) { return {rotate(a.v, by), rotate(a.d, by)}; }

  GRADUS_FN friend Dual exp(Dual a) {
    P r = exp(a.v);
    return {r, r * a.d};
  }
  GRADUS_FN friend Dual exp_negative(Dual a) {
    P r = exp_negative(a.v);
    return {r, r * a.d};
  }
  GRADUS_FN friend Dual expm1(Dual a) { return {expm1(a.v), exp(a.v) * a.d}; }
  GRADUS_FN friend Dual log(Dual a) { return {log(a.v), a.d / a.v}; }
  GRADUS_FN friend Dual log1p(Dual a) { return {log1p(a.v), a.d / (1.0 + a.v)}; }
  GRADUS_FN friend Dual log1p_unit(Dual a) { return {log1p_unit(a.v), a.d / (1.0 + a.v)}; }
  // At x = 0 and at y = 0 the terms whose factor vanishes are 0, though the other factor is infinite; an exponent that
  // does not move asks nothing of log(x), so that x may be negative.
  GRADUS_FN friend Dual pow(Dual x, Dual y) {
    P r = pow(x.v, y.v);
    auto still = ((x.v == 0.0) & (y.v >= 0.0)) | ((x.v < 0.0) & (y.d == 0.0));
    P along_x = select(y.v == 0.0, 0.0, y.v * pow(x.v, y.v - 1.0));
    P along_y = select(still, 0.0, r * log(select(still, 1.0, x.v)));
    return {r, select(x.d == 0.0, 0.0, along_x * x.d) + along_y * y.d};
  }
  GRADUS_FN friend Dual tanh(Dual a) {
    P e = exp_negative(-2.0 * abs(a.v)), s = 1.0 + e;  // 4 e / (1 + e)^2 does not cancel, as 1 - tanh^2 would
    return {tanh(a.v), 4.0 * e / (s * s) * a.d};
  }
  GRADUS_FN friend Dual sin(Dual a) { return {sin(a.v), cos(a.v) * a.d}; }
  GRADUS_FN friend Dual cos(Dual a) { return {cos(a.v), -sin(a.v) * a.d}; }
  GRADUS_FN friend Dual acos(Dual a) { return {acos(a.v), -a.d / sqrt((1.0 - a.v) * (1.0 + a.v))}; }
  GRADUS_FN friend Dual atan2(Dual y, Dual x) {
    P scale = max(abs(x.v), abs(y.v)), a = x.v / scale, b = y.v / scale;  // x^2 + y^2 could overflow
    return {atan2(y.v, x.v), (a * y.d - b * x.d) / (scale * (a * a + b * b))};
  }
  GRADUS_FN friend Dual erf(Dual a) { return {erf(a.v), 1.1283791670955126 * exp_negative(-(a.v * a.v)) * a.d}; }
  GRADUS_FN friend Dual erfc(Dual a) { return {erfc(a.v), -1.1283791670955126 * exp_negative(-(a.v * a.v)) * a.d}; }
  GRADUS_FN friend Dual lgamma(Dual a) { return {lgamma(a.v), polygamma(0, a.v) * a.d}; }
  GRADUS_FN friend Dual polygamma(int n, Dual a) { return {polygamma(n, a.v), polygamma(n + 1, a.v) * a.d}; }
  GRADUS_FN friend Plain plain(Dual a) { return plain(a.v); }
};
}  // namespace gradus
