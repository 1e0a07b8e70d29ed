// The numbers a formula is written on: Num<F, N> is N lanes of float or double, Mask what comparing them gives, Ints
// the labels and column numbers beside them.  Here is the single lane, which a CUDA thread uses; pack.h has the
// vectors.
#pragma once
#include <stdint.h>

#include <limits>
#include <type_traits>

#include "gradus/core/function.h"
#include "gradus/core/scalar_maths.h"

namespace gradus {
#if defined(__AVX512F__)
constexpr int register_bytes = 64;
#elif defined(__AVX2__)
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif
// How many lanes of F the kernels use: two registers, since one leaves a fused loss waiting on its own latency.
#if defined(GRADUS_KERNELS)  // device code has no vectors
template <class F> constexpr int pack_lanes = 1;
#else
template <class F> constexpr int pack_lanes = 2 * register_bytes / int(sizeof(F));
#endif

// The integer that stands beside F in a lane.
template <class F> using IntBeside = std::conditional_t<sizeof(F) == 8, int64_t, int32_t>;

template <class F, int N> struct Mask;
template <class F, int N> struct Ints;
template <class F, int N = 1> struct Num;

// Any of the types a formula may be instantiated on: Num, Dual, Trace.
template <class T>
concept Number = requires {
  typename T::Scalar;
  typename T::Mask;
  typename T::Index;
  typename T::Plain;
  T::size;
};
template <class T> using Index = typename T::Index;

template <class F> struct Mask<F, 1> {
  bool m;

  GRADUS_FN bool lane(int) const { return m; }
  GRADUS_FN friend Mask operator&(Mask a, Mask b) { return {a.m && b.m}; }
  GRADUS_FN friend Mask operator|(Mask a, Mask b) { return {a.m || b.m}; }
  GRADUS_FN friend Mask operator!(Mask a) { return {!a.m}; }
  GRADUS_FN friend bool some(Mask a) { return a.m; }
  GRADUS_FN friend bool all(Mask a) { return a.m; }
};

template <class F> struct Ints<F, 1> {
  using Int = IntBeside<F>;
  using Mask = gradus::Mask<F, 1>;
  static constexpr int size = 1;
  Int v;

  Ints() = default;
  GRADUS_FN Ints(int64_t c) : v(Int(c)) {}
  GRADUS_FN Int lane(int) const { return v; }
  GRADUS_FN void set(int, int64_t c) { v = Int(c); }

  GRADUS_FN friend Ints operator+(Ints a, Ints b) { return a.v + b.v; }
  GRADUS_FN friend Ints operator-(Ints a, Ints b) { return a.v - b.v; }
  GRADUS_FN friend Mask operator<(Ints a, Ints b) { return {a.v < b.v}; }
  GRADUS_FN friend Mask operator>(Ints a, Ints b) { return {a.v > b.v}; }
  GRADUS_FN friend Mask operator<=(Ints a, Ints b) { return {a.v <= b.v}; }
  GRADUS_FN friend Mask operator>=(Ints a, Ints b) { return {a.v >= b.v}; }
  GRADUS_FN friend Mask operator==(Ints a, Ints b) { return {a.v == b.v}; }
  GRADUS_FN friend Mask operator!=(Ints a, Ints b) { return {a.v != b.v}; }
  GRADUS_FN friend Ints select(Mask m, Ints a, Ints b) { return m.m ? a.v : b.v; }
  GRADUS_FN friend Ints rotate(Ints x, int) { return x; }
};

// Every kind of Num has the members and friends below; a comment stands where a reader could be surprised.
template <class F> struct Num<F, 1> {
  using Scalar = F;
  using Mask = gradus::Mask<F, 1>;
  using Index = Ints<F, 1>;
  using Plain = Num;  // the number without derivatives or records
  static constexpr int size = 1;
  F v;

  Num() = default;
  GRADUS_FN Num(double c) : v(F(c)) {}  // implicit: a literal takes the formula's own precision
  GRADUS_FN static Num raw(F v) {
    Num x;
    x.v = v;
    return x;
  }
  GRADUS_FN static Num from(Index i) { return raw(F(i.v)); }
  GRADUS_FN static Num lowest() { return raw(sizeof(F) == 4 ? F(-0x1.fffffep127) : F(-0x1.fffffffffffffp1023)); }
  GRADUS_FN static Num highest() { return -lowest(); }
  GRADUS_FN static Num infinity() { return raw(F(HUGE_VAL)); }
  GRADUS_FN static Num load(const F* p) { return raw(*p); }
  GRADUS_FN static Num load_first(const F* p, int) { return raw(*p); }
  GRADUS_FN void store(F* p) const { *p = v; }
  GRADUS_FN void store_first(F* p, int) const { *p = v; }
  GRADUS_FN F lane(int) const { return v; }
  GRADUS_FN void set(int, F c) { v = c; }

  GRADUS_FN friend Num operator+(Num a, Num b) { return raw(a.v + b.v); }
  GRADUS_FN friend Num operator-(Num a, Num b) { return raw(a.v - b.v); }
  GRADUS_FN friend Num operator*(Num a, Num b) { return raw(a.v * b.v); }
  GRADUS_FN friend Num operator/(Num a, Num b) { return raw(a.v / b.v); }
  GRADUS_FN friend Num operator-(Num a) { return raw(-a.v); }
  GRADUS_FN friend Mask operator<(Num a, Num b) { return {a.v < b.v}; }
  GRADUS_FN friend Mask operator>(Num a, Num b) { return {a.v > b.v}; }
  GRADUS_FN friend Mask operator<=(Num a, Num b) { return {a.v <= b.v}; }
  GRADUS_FN friend Mask operator>=(Num a, Num b) { return {a.v >= b.v}; }
  GRADUS_FN friend Mask operator==(Num a, Num b) { return {a.v == b.v}; }
  GRADUS_FN friend Mask operator!=(Num a, Num b) { return {a.v != b.v}; }

  GRADUS_FN friend Num select(Mask m, Num a, Num b) { return raw(m.m ? a.v : b.v); }
  GRADUS_FN friend Num max(Num a, Num b) { return raw(a.v < b.v ? b.v : a.v); }  // a tie or a NaN keeps the first;
  GRADUS_FN friend Num min(Num a, Num b) { return raw(b.v < a.v ? b.v : a.v); }  // a NaN in the second is dropped
  GRADUS_FN friend Num clamp(Num x, Num low, Num high) { return min(max(x, low), high); }
  GRADUS_FN friend Num abs(Num a) { return raw(scalar_maths::abs(a.v)); }
  GRADUS_FN friend Num copysign(Num a, Num sign) { return raw(scalar_maths::copysign(a.v, sign.v)); }
  GRADUS_FN friend Num fma(Num a, Num b, Num c) { return raw(scalar_maths::fma(a.v, b.v, c.v)); }
  GRADUS_FN friend Num sqrt(Num a) { return raw(scalar_maths::sqrt(a.v)); }
  GRADUS_FN friend Num floor(Num a) { return raw(scalar_maths::floor(a.v)); }
  GRADUS_FN friend Num round(Num a) { return raw(scalar_maths::round(a.v)); }  // halves to even
  GRADUS_FN friend Mask is_nan(Num a) { return {a.v != a.v}; }
  GRADUS_FN friend Num rotate(Num x, int) { return x; }  // lane i takes lane i + by, around

  GRADUS_FN friend Num exp(Num x) { return raw(scalar_maths::exp(x.v)); }
  GRADUS_FN friend Num exp_negative(Num x) {
    return raw(scalar_maths::exp(x.v));
  }  // for x <= 0, where it can be faster
  GRADUS_FN friend Num expm1(Num x) { return raw(scalar_maths::expm1(x.v)); }
  GRADUS_FN friend Num log(Num x) { return raw(scalar_maths::log(x.v)); }
  GRADUS_FN friend Num log1p(Num x) { return raw(scalar_maths::log1p(x.v)); }
  GRADUS_FN friend Num log1p_unit(Num x) {
    return raw(scalar_maths::log1p(x.v));
  }  // for 0 <= x <= 1, where it can be faster
  GRADUS_FN friend Num pow(Num x, Num y) { return raw(scalar_maths::pow(x.v, y.v)); }
  GRADUS_FN friend Num tanh(Num x) { return raw(scalar_maths::tanh(x.v)); }
  GRADUS_FN friend Num sin(Num x) { return raw(scalar_maths::sin(x.v)); }
  GRADUS_FN friend Num cos(Num x) { return raw(scalar_maths::cos(x.v)); }
  GRADUS_FN friend Num acos(Num x) { return raw(scalar_maths::acos(x.v)); }
  GRADUS_FN friend Num atan2(Num y, Num x) { return raw(scalar_maths::atan2(y.v, x.v)); }
  GRADUS_FN friend Num erf(Num x) { return raw(scalar_maths::erf(x.v)); }
  GRADUS_FN friend Num erfc(Num x) { return raw(scalar_maths::erfc(x.v)); }
  GRADUS_FN friend Num lgamma(Num x) { return raw(scalar_maths::lgamma(x.v)); }
  GRADUS_FN friend Num polygamma(int n, Num x) {
    return raw(scalar_maths::polygamma(n, x.v));
  }  // n = 0: digamma; for x > 0
  GRADUS_FN friend Num plain(Num x) { return x; }
};

template <Number T> GRADUS_FN T& operator+=(T& a, std::type_identity_t<T> b) { return a = a + b; }
template <Number T> GRADUS_FN T& operator-=(T& a, std::type_identity_t<T> b) { return a = a - b; }
template <Number T> GRADUS_FN T& operator*=(T& a, std::type_identity_t<T> b) { return a = a * b; }
template <Number T> GRADUS_FN T& operator/=(T& a, std::type_identity_t<T> b) { return a = a / b; }

// from, from + 1, ... in the lanes of an Ints.
template <class I> GRADUS_FN I iota(int64_t from) {
  I x;
  for (int i = 0; i < I::size; ++i) x.set(i, from + i);
  return x;
}
}  // namespace gradus

#include "gradus/core/pack.h"
