// Elementary functions of a pack.  In float they are branch-free polynomials, several times faster than the C library
// lane by lane; the largest error of each, in units in the last place, stands beside it and is tested.  In double, and
// for the rarer functions, each lane goes through the C library.  NaN gives NaN, infinities, zeros and their signs are
// as in IEEE 754, denormal numbers are not flushed.
#pragma once
#include <math.h>
#include <stdint.h>

#include <type_traits>

#include "gradus/core/function.h"
#include "gradus/core/scalar_maths.h"

namespace gradus {
template <class F, int N> struct Num;
template <class V> constexpr bool several_lanes = false;
template <class F, int N> constexpr bool several_lanes<Num<F, N>> = N > 1;
// Num of several lanes, in one register or more: on a pair, the two halves' instructions interleave.
template <class V>
concept Lanes = several_lanes<V>;
template <class V>
concept FloatLanes = Lanes<V> && sizeof(typename V::Scalar) == 4;
template <class V>
concept DoubleLanes = Lanes<V> && sizeof(typename V::Scalar) == 8;

namespace vector_maths {
// A library function on each lane.  Not inlined: many calls in a row would only fill the code.
template <Lanes V, class Fn> [[gnu::noinline]] V each_lane(Fn fn, V x) {
  typename V::Scalar lanes[V::size];
  x.store(lanes);
  for (auto& lane : lanes) lane = fn(lane);
  return V::load(lanes);
}
template <Lanes V, class Fn> [[gnu::noinline]] V each_lane(Fn fn, V x, V y) {
  typename V::Scalar xs[V::size], ys[V::size];
  x.store(xs), y.store(ys);
  for (int i = 0; i < V::size; ++i) xs[i] = fn(xs[i], ys[i]);
  return V::load(xs);
}

// a b + c, rounded once where the machine can: nothing here needs it, it is only faster and a little closer.
template <Lanes V> GRADUS_FN V multiply_add(V a, std::type_identity_t<V> b, std::type_identity_t<V> c) {
#if defined(__FMA__) || !defined(__x86_64__)
  return fma(a, b, c);
#else
  return a * b + c;
#endif
}
// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <Lanes V> GRADUS_FN V polynomial(V, double c) { return c; }
template <Lanes V, class... More> GRADUS_FN V polynomial(V x, double c, More... more) {
  return multiply_add(polynomial(x, more...), x, c);
}

// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
constexpr double ln2_high = 0.693359375, ln2_low = -2.12194440e-4, log2_e = 1.44269504088896341;

// x - n ln(2)
template <FloatLanes V> GRADUS_FN V reduced(V x, V n) {
  return multiply_add(n, -ln2_low, multiply_add(n, -ln2_high, x));
}
// e^r - 1 for -0.35 < r < 0.41.  Its terms are summed in pairs, which wait less for one another than by Horner's rule.
template <FloatLanes V> GRADUS_FN V expm1_core(V r) {
  V square = r * r, low = polynomial(r, 0.50000001, 0.16666670), middle = polynomial(r, 0.041666158, 0.0083325684);
  V p = multiply_add(polynomial(r, 0.0013953151, 0.00020320049), square, middle);
  return multiply_add(multiply_add(p, square, low), square, r);
}
template <FloatLanes V> GRADUS_FN V power_of_two(typename V::Index n) { return V::from_bits((n + 127) << 23); }

// x = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)), for 0 < x < infinity.
template <FloatLanes V> struct Split { V mantissa, exponent; };
template <class Ints> GRADUS_FN Ints exponent_of(Ints bits) { return (bits - 0x3f3504f3) >> 23; }
template <FloatLanes V> GRADUS_FN Split<V> split(V x) {
  auto denormal = x < 0x1p-126;
  auto bits = select(denormal, x * 0x1p23, x).bits(), k = exponent_of(bits);
  return {V::from_bits(bits - (k << 23)), V::from(k) - select(denormal, 23.0, V(0.0))};
}
// log(1 + f) + exponent ln(2) for 1 + f in [sqrt(1/2), sqrt(2)).
template <FloatLanes V> GRADUS_FN V log_core(V f, V exponent) {
  V square = f * f;
  V p = polynomial(f, 3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1,
                   -1.2420140846e-1, 1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2);
  p = multiply_add(square, -0.5, multiply_add(exponent, ln2_low, p * f * square));
  return multiply_add(exponent, ln2_high, f + p);
}
// log(x), given what holds for 0 < x < infinity.
template <FloatLanes V> GRADUS_FN V with_log_edges(V x, V log_x) {
  V below = select(x == 0.0, -V::infinity(), V(NAN));
  return select(x > 0.0, select(x < V::infinity(), log_x, x), below);
}
}  // namespace vector_maths

// At most 0.93 ulp.  The range is moved a little to where r is rounded least.
template <FloatLanes V> GRADUS_FN V exp(V x) {
  using namespace vector_maths;
  V bounded = min(max(x, -104.0), 89.0), n = round(multiply_add(bounded, log2_e, -0.085));
  V p = expm1_core(reduced(bounded, n));
  auto whole = n.integers(), half = whole >> 1;  // n goes from -150 to 128: 2^n in two factors
  V scale = power_of_two<V>(half);
  return multiply_add(p, scale, scale) * power_of_two<V>(whole - half);
}

// 2^64 exp(x) for x <= 0, in fewer steps: always a normal number, and nothing once lowered where exp(x) is.  At most
// 1.02 ulp.  Adding 1.5 * 2^23 rounds to an integer, left in the low bits.
template <FloatLanes V> GRADUS_FN V exp_raised(V x) {
  using namespace vector_maths;
  constexpr double shift = 12582912 + 127 + 64;
  V bounded = max(x, -131.0), shifted = multiply_add(bounded, log2_e, shift), n = shifted - shift;
  V r = reduced(bounded, n), square = r * r;  // |r| < 0.347: one term less than expm1_core does
  V p = multiply_add(square, 0.00138146, polynomial(r, 0.041668389, 0.0083687156));
  p = multiply_add(multiply_add(p, square, polynomial(r, 0.49999994, 0.16666521)), square, r);
  V scale = V::from_bits(shifted.bits() << 23);  // 2^(n + 64), n >= -189
  return multiply_add(p, scale, scale);
}

// exp for x <= 0.  At most 1.02 ulp.
template <FloatLanes V> GRADUS_FN V exp_negative(V x) { return exp_raised(x) * 0x1p-64; }

// At most 1.45 ulp.
template <FloatLanes V> GRADUS_FN V expm1(V x) {
  using namespace vector_maths;
  V bounded = min(max(x, -18.0), 89.0), n = round(bounded * log2_e), p = expm1_core(reduced(bounded, n));
  V scale = power_of_two<V>(min(n, 127.0).integers()), result = multiply_add(scale, p, scale - 1.0);
  return copysign(result * select(n > 127.0, V(2.0), V(1.0)), x);  // the sign of zero
}

// At most 0.83 ulp.
template <FloatLanes V> GRADUS_FN V log(V x) {
  using namespace vector_maths;
  auto [mantissa, exponent] = split(x);
  return with_log_edges(x, log_core(mantissa - 1.0, exponent));
}

// At most 1.42 ulp.
template <FloatLanes V> GRADUS_FN V log1p(V x) {
  using namespace vector_maths;
  V u = x + 1.0, lost = select(x > 1.0, 1.0 - (u - x), x - (u - 1.0));  // u + lost = 1 + x exactly
  auto bits = u.bits(), k = exponent_of(bits);
  V scale = max(V::from_bits(typename V::Index(0x3f800000) - (k << 23)), 0.0);  // 2^-k; k = 128 gives -infinity
  V result = log_core(multiply_add(lost, scale, V::from_bits(bits - (k << 23)) - 1.0), V::from(k));
  return select(x == 0.0, x, with_log_edges(u, result));
}

// log1p for 0 <= x <= 1 as 2 atanh(x / (2 + x)), all that softplus and its kin need.  At most 1.99 ulp.
template <FloatLanes V> GRADUS_FN V log1p_unit(V x) {
  using namespace vector_maths;
  V u = (x + x) / (x + 2.0), t = u * u;
  V p = polynomial(t, 0.3333320617675781 / 4, 0.20010854303836823 / 16, 0.13999655842781067 / 64,
                   0.14011335372924805 / 256);
  return multiply_add(u * t, p, u);
}

// At most 1.52 ulp.
template <FloatLanes V> GRADUS_FN V tanh(V x) {
  using namespace vector_maths;
  V a = abs(x), e = exp_negative(-2.0 * a), large = (1.0 - e) / (1.0 + e), z = a * a;
  V p = polynomial(z, -3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3);
  return copysign(select(a < 0.625, multiply_add(p * z, a, a), large), x);
}

// At most 1.05 ulp.
template <FloatLanes V> GRADUS_FN V erf(V x) {
  using namespace vector_maths;
  V a = abs(x), z = a * a;
  V near = multiply_add(
      polynomial(z, 1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3, -5.96761703e-4), a, a);
  V far = 1.0 - exp_negative(multiply_add(polynomial(a, -1.28717512e-1, -6.34846687e-1, -1.06777877e-1, 2.42546219e-2,
                                                     -3.88396438e-3, 3.83197126e-4, -1.72853470e-5),
                                          a, -a));
  return copysign(select(a < 0.927734375, near, far), x);
}

namespace vector_maths {
// log2 of a float in double, to 2^-37 of itself; 0 and infinity have theirs.
template <FloatLanes V> GRADUS_FN auto log2_double(V x) {
  auto [mantissa, exponent] = split(x);
  exponent = select(x == 0.0, -V::infinity(), select(x < V::infinity(), exponent, x));
  auto m = widen(mantissa), s = (m - 1.0) / (m + 1.0), z = s * s;  // log2(m) = 2 / ln(2) * atanh(s)
  return multiply_add(
      s,
      polynomial(z, 2.88539008179008, 0.9617966733501535, 0.5770835832462514, 0.4116728284348088, 0.3407279783680256),
      widen(exponent));
}
// 2^t for |t| <= 200, to 2^-29 of itself.
template <DoubleLanes D> GRADUS_FN D exp2_double(D t) {
  constexpr double shift = 0x1.8p52;
  D shifted = t + shift, r = t - (shifted - shift);
  D p = polynomial(r, 1.0000000005541647, 0.6931472057372643, 0.24022646890627922, 0.05550328776972178,
                   0.009618488957816652, 0.0013399931216697936, 0.00015345811805700605);
  return p * D::from_bits((shifted.bits() << 52) + (int64_t(1023) << 52));
}
}  // namespace vector_maths

// As the C library's pow, with all its special cases; at most 0.54 ulp.
template <FloatLanes V> GRADUS_FN V pow_of(V x, V y) {
  using namespace vector_maths;
  V a = abs(x), half = 0.5 * y;
  V result = narrow(exp2_double(clamp(widen(y) * log2_double(a), -200.0, 200.0)));
  auto whole = round(y) == y, odd = whole & (round(half) != half);
  result = select((a == 1.0) & (y == y), 1.0, result);
  result = select(odd, copysign(result, x), result);
  result = select((x < 0.0) & (a < V::infinity()) & !whole, NAN, result);
  return select((y == 0.0) | (x == 1.0), 1.0, result);
}

// ---- lane by lane -------------------------------------------------------------------------------

template <DoubleLanes V> GRADUS_FN V exp(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::exp(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V exp_negative(V x) { return exp(x); }
template <DoubleLanes V> GRADUS_FN V exp_raised(V x) { return exp(x) * 0x1p64; }
template <DoubleLanes V> GRADUS_FN V expm1(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::expm1(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V log(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::log(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V log1p(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::log1p(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V log1p_unit(V x) { return log1p(x); }
template <DoubleLanes V> GRADUS_FN V tanh(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::tanh(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V erf(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::erf(a); }, x);
}
template <DoubleLanes V> GRADUS_FN V pow_of(V x, V y) {
  return vector_maths::each_lane([](auto a, auto b) { return scalar_maths::pow(a, b); }, x, y);
}
template <Lanes V> GRADUS_FN V sin(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::sin(a); }, x);
}
template <Lanes V> GRADUS_FN V cos(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::cos(a); }, x);
}
template <Lanes V> GRADUS_FN V acos(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::acos(a); }, x);
}
template <Lanes V> GRADUS_FN V atan2_of(V y, V x) {
  return vector_maths::each_lane([](auto a, auto b) { return scalar_maths::atan2(a, b); }, y, x);
}
template <Lanes V> GRADUS_FN V erfc(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::erfc(a); }, x);
}
template <Lanes V> GRADUS_FN V lgamma(V x) {
  return vector_maths::each_lane([](auto a) { return scalar_maths::lgamma(a); }, x);
}
template <Lanes V> GRADUS_FN V polygamma(int n, V x) {
  return vector_maths::each_lane([n](auto a) { return scalar_maths::polygamma(n, a); }, x);
}
}  // namespace gradus
