// What losses are made of, once for every number type.  Each is stable over its whole domain, value and derivative, and
// chooses whole branches, each right beyond its end, so that a dual number is right even where two branches meet.
// (exp(-abs(x)) is not: at x = 0 its derivative belongs to one side only.)  In float packs sigmoid and softplus are
// within 3 ulp, log1mexp within 2.1, log_cosh within 6.5.
#pragma once
#include "gradus/core/number.h"

namespace gradus {
template <Number T> GRADUS_FN T square(T x) { return x * x; }

// x without its derivative: a scale that cancels out, or what a paper holds constant.
template <Number T> GRADUS_FN T frozen(T x) { return T(plain(x)); }

// x where it is positive, else 0, with derivative 0 at 0.  NaN stays.
template <Number T> GRADUS_FN T positive(T x) { return select(x <= 0.0, 0.0, x); }

// -1, 0 or 1, with derivative 0.  NaN stays.
template <Number T> GRADUS_FN T sign(T x) { return select(x > 0.0, 1.0, select(x < 0.0, -1.0, 0.0 * x)); }

// 1 / (1 + exp(-x))
template <Number T> GRADUS_FN T sigmoid(T x) {
  auto below = x < 0.0;
  T e = exp_negative(select(below, x, -x)), large = 1.0 / (1.0 + e);
  return select(below, e * large, large);
}

// log(1 + exp(x))
template <Number T> GRADUS_FN T softplus(T x) {
  auto below = x < 0.0;
  return select(below, 0.0, x) + log1p_unit(exp_negative(select(below, x, -x)));
}

// log(sigmoid(x))
template <Number T> GRADUS_FN T log_sigmoid(T x) { return -softplus(-x); }

// log(1 - exp(x)) for x < 0; -infinity at 0.
template <Number T> GRADUS_FN T log1mexp(T x) {
  return select(x > -0.6931471805599453, log(-expm1(x)), log1p(-exp_negative(x)));
}

// log(exp(a) + exp(b)).  Two equal infinities give that infinity.
template <Number T> GRADUS_FN T log_add_exp(T a, T b) {
  auto up = a < b;
  T gap = select(up, a - b, b - a), larger = select(up, b, a);
  auto same_infinity = (a == b) & is_nan(gap);
  return larger + select(same_infinity, 0.0, log1p_unit(exp_negative(gap)));
}

// x log(y), and 0 where x is 0 and y is 0, negative or infinite.  NaN stays.
template <Number T> GRADUS_FN T xlogy(T x, T y) {
  auto nothing = (x == 0.0) & ((y <= 0.0) | (y == T::infinity()));
  return select(nothing, 0.0, x * log(select(nothing, 1.0, y)));
}

// weight × cost, where nothing times an infinite cost is nothing.
template <Number T> GRADUS_FN T times(T weight, T cost) {
  return select((weight == 0.0) & ((cost == T::infinity()) | (cost == -T::infinity())), 0.0, weight * cost);
}

// A function of one number together with its derivative.
template <class T> struct WithSlope {
  T value, slope;
};

// log(cosh(x)), of cosh(x) - 1 = t^2 / (2 (1 + t)) where x is small, t = exp(-|x|) - 1; and tanh(x) of the same t.
template <Number T> GRADUS_FN WithSlope<T> log_cosh(T x) {
  auto below = x < 0.0;
  T a = select(below, -x, x), t = expm1(-a), e = 1.0 + t, ee = e * e, tanh_a = -t * (1.0 + e) / (1.0 + ee);
  auto small = a < 1.0;
  T value = select(small, 0.0, a - 0.6931471805599453) + log1p_unit(select(small, 0.5 * t * t / e, ee));
  return {value, select(below, -tanh_a, tanh_a)};
}

// x^p for x >= 0.  Where p < 1 the slope at 0 is infinite and taken as 0.
template <Number T> GRADUS_FN WithSlope<T> power(T x, double p) {
  if (p == 0) return {1.0, 0.0};
  if (p == 1) return {x, 1.0};
  if (p == 2) return {x * x, 2.0 * x};
  if (p > 1) {
    T below = pow(x, T(p - 1));
    return {x * below, p * below};
  }
  auto zero = x == 0.0;
  T base = select(zero, 1.0, x), raised = pow(base, T(p));
  return {select(zero, 0.0, raised), select(zero, 0.0, p * raised / base)};
}

// log(1 + r²/k) of r = (x - t)/scale, also where r², r or even x - t overflow.
template <class T> struct HeavyTail {
  T value, slope;  // slope: of x
  T outward;       // r times the slope of r, from 0 at the centre to 2 far out

  GRADUS_FN HeavyTail(T x, T t, T scale, double k) {
    const T width = sqrt(T(k)), u = (x - t) / scale / width;
    auto over = !(u * u < T::infinity());
    T near = select(over, 0.0, u), half = select(over, 0.5 * x - 0.5 * t, 1.0), bend = 2.0 * near / (1.0 + near * near);
    value = select(over, 2.0 * (log(abs(half)) - log(scale) - log(0.5 * width)), log1p(near * near));
    slope = select(over, 1.0 / half, bend / width / scale);
    outward = select(over, 2.0, near * bend);
  }
};

// A logit as the answer to a yes/no question: the probabilities of both answers, and what each costs, -log of it.
template <class T> struct Logit {
  T yes, no, yes_cost, no_cost;

  GRADUS_FN explicit Logit(T x) {
    auto negative = x < 0.0;
    T e = exp_negative(select(negative, x, -x)), rest = log1p_unit(e), large = 1.0 / (1.0 + e), small = e * large;
    yes = select(negative, small, large);
    no = select(negative, large, small);
    yes_cost = select(negative, -x, 0.0) + rest;
    no_cost = select(negative, 0.0, x) + rest;
  }
  // Cross-entropy against y in [0, 1], which is 0 at an infinite logit with the matching y; and its slope, which does
  // not cancel.
  GRADUS_FN WithSlope<T> cross_entropy(T y) const {
    return {times(1.0 - y, no_cost) + times(y, yes_cost), (1.0 - y) * yes - y * no};
  }
};
// exp(x) - 1 - x, by its series where the difference would cancel.
template <Number T> GRADUS_FN T exp_excess(T x) {
  auto small = (x < 0.5) & (x > -0.5);
  T s = select(small, x, 0.0), series = 1.0;
  for (int n = 16; n > 2; --n) series = 1.0 + s * (1.0 / n) * series;
  return select(small, 0.5 * s * s * series, expm1(x) - x);
}

// log(p / q) for p, q > 0: neither does the quotient overflow nor do the logarithms of near numbers cancel.
template <Number T> GRADUS_FN T log_ratio(T p, T q) {
  T gap = p - q;
  auto near = (gap < 0.5 * q) & (gap > -0.5 * q);
  return select(near, log1p(select(near, gap / q, 0.0)), log(p) - log(q));
}

// Says that where `here` holds, the derivative with respect to x is what somebody laid down and not what the value
// does. Tracing numbers tell it to certificates, which then leave differences out.
template <class M, Number T> GRADUS_FN void declare_convention(M, T) {}

// 0, with the derivative slope × that of x: what a declared derivative is made of.
template <Number T> GRADUS_FN T declared_slope(T x, T slope) { return slope * (x - frozen(x)); }

template <Number T> GRADUS_FN T atan(T x) { return atan2(x, 1.0); }

// The derivative of lgamma at x > 0.
template <Number T> GRADUS_FN T digamma(T x) { return polygamma(0, x); }
}  // namespace gradus
