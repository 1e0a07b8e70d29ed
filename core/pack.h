// Num, Mask and Ints of several lanes: one native register, or two halves when they are wider than a register.  (A
// vector type wider than the register is six to ten times slower: the compiler keeps it in memory.)
#pragma once
#if !defined(GRADUS_KERNELS)  // device code has no vectors
#include "gradus/core/number.h"
#include "gradus/core/simd.h"
#include "gradus/core/vector_maths.h"

namespace gradus {
template <class F, int N> constexpr bool one_register = (N > 1) && (N * int(sizeof(F)) <= register_bytes);
template <class F, int N> constexpr bool two_halves = (N > 1) && (N * int(sizeof(F)) > register_bytes);

// ---- one register -------------------------------------------------------------------------------

template <class F, int N>
  requires(one_register<F, N>)
struct Mask<F, N> {
  using Raw = simd::Vector<IntBeside<F>, N>;  // all bits of a lane, or none
  Raw m;

  GRADUS_FN bool lane(int i) const { return m[i]; }
  GRADUS_FN friend Mask operator&(Mask a, Mask b) { return {a.m & b.m}; }
  GRADUS_FN friend Mask operator|(Mask a, Mask b) { return {a.m | b.m}; }
  GRADUS_FN friend Mask operator!(Mask a) { return {~a.m}; }
  GRADUS_FN friend bool some(Mask a) { return simd::some(a.m); }
  GRADUS_FN friend bool all(Mask a) { return !some(!a); }
};

template <class F, int N>
  requires(one_register<F, N>)
struct Ints<F, N> {
  using Int = IntBeside<F>;
  using Mask = gradus::Mask<F, N>;
  using Raw = simd::Vector<Int, N>;
  using Wrapping = simd::Vector<std::make_unsigned_t<Int>, N>;  // the bits of a NaN may overflow
  static constexpr int size = N;
  Raw v;

  Ints() = default;
  GRADUS_FN Ints(int64_t c) : v(Raw{} + Int(c)) {}
  GRADUS_FN static Ints raw(Raw v) {
    Ints x;
    x.v = v;
    return x;
  }
  GRADUS_FN Int lane(int i) const { return v[i]; }
  GRADUS_FN void set(int i, int64_t c) { v[i] = Int(c); }

  GRADUS_FN friend Ints operator+(Ints a, Ints b) { return raw((Raw)((Wrapping)a.v + (Wrapping)b.v)); }
  GRADUS_FN friend Ints operator-(Ints a, Ints b) { return raw((Raw)((Wrapping)a.v - (Wrapping)b.v)); }
  GRADUS_FN friend Ints operator&(Ints a, Ints b) { return raw(a.v & b.v); }
  GRADUS_FN friend Ints operator|(Ints a, Ints b) { return raw(a.v | b.v); }
  GRADUS_FN friend Ints operator<<(Ints a, int by) { return raw(a.v << by); }
  GRADUS_FN friend Ints operator>>(Ints a, int by) { return raw(a.v >> by); }
  GRADUS_FN friend Mask operator<(Ints a, Ints b) { return {(Raw)(a.v < b.v)}; }
  GRADUS_FN friend Mask operator>(Ints a, Ints b) { return {(Raw)(a.v > b.v)}; }
  GRADUS_FN friend Mask operator<=(Ints a, Ints b) { return {(Raw)(a.v <= b.v)}; }
  GRADUS_FN friend Mask operator>=(Ints a, Ints b) { return {(Raw)(a.v >= b.v)}; }
  GRADUS_FN friend Mask operator==(Ints a, Ints b) { return {(Raw)(a.v == b.v)}; }
  GRADUS_FN friend Mask operator!=(Ints a, Ints b) { return {(Raw)(a.v != b.v)}; }
  GRADUS_FN friend Ints select(Mask m, Ints a, Ints b) { return raw(m.m ? a.v : b.v); }
  GRADUS_FN friend Ints rotate(Ints x, int by) {
    Int twice[2 * N];
    memcpy(twice, &x.v, sizeof x.v), memcpy(twice + N, &x.v, sizeof x.v);
    memcpy(&x.v, twice + by, sizeof x.v);
    return x;
  }
};

template <class F, int N>
  requires(one_register<F, N>)
struct Num<F, N> {
  using Scalar = F;
  using Mask = gradus::Mask<F, N>;
  using Index = Ints<F, N>;
  using Plain = Num;
  using Raw = simd::Vector<F, N>;
  static constexpr int size = N;
  Raw v;

  Num() = default;
  GRADUS_FN Num(double c) : v(F(c) - Raw{}) {}  // a sum would lose the sign of -0.0
  GRADUS_FN static Num raw(Raw v) {
    Num x;
    x.v = v;
    return x;
  }
  GRADUS_FN static Num from(Index i) { return raw(__builtin_convertvector(i.v, Raw)); }
  GRADUS_FN static Num lowest() { return Num<F>::lowest().v; }
  GRADUS_FN static Num highest() { return Num<F>::highest().v; }
  GRADUS_FN static Num infinity() { return Num<F>::infinity().v; }
  GRADUS_FN static Num load(const F* p) {
    Num x;
    memcpy(&x.v, p, sizeof x.v);
    return x;
  }
  GRADUS_FN void store(F* p) const { memcpy(p, &v, sizeof v); }
  GRADUS_FN static Num load_first(const F* p, int n) { return simd::load_first<Num>(p, n); }
  GRADUS_FN void store_first(F* p, int n) const { simd::store_first(*this, p, n); }
  GRADUS_FN F lane(int i) const { return v[i]; }
  GRADUS_FN void set(int i, F c) { v[i] = c; }

  // The same bits read as integers and back, and the conversion of whole numbers.
  GRADUS_FN static Num from_bits(Index i) { return raw((Raw)i.v); }
  GRADUS_FN Index bits() const { return Index::raw((typename Index::Raw)v); }
  GRADUS_FN Index integers() const { return Index::raw(__builtin_convertvector(v, typename Index::Raw)); }

  GRADUS_FN friend Num operator+(Num a, Num b) { return raw(a.v + b.v); }
  GRADUS_FN friend Num operator-(Num a, Num b) { return raw(a.v - b.v); }
  GRADUS_FN friend Num operator*(Num a, Num b) { return raw(a.v * b.v); }
  GRADUS_FN friend Num operator/(Num a, Num b) { return raw(a.v / b.v); }
  GRADUS_FN friend Num operator-(Num a) { return raw(-a.v); }
  GRADUS_FN friend Mask operator<(Num a, Num b) { return {(typename Mask::Raw)(a.v < b.v)}; }
  GRADUS_FN friend Mask operator>(Num a, Num b) { return {(typename Mask::Raw)(a.v > b.v)}; }
  GRADUS_FN friend Mask operator<=(Num a, Num b) { return {(typename Mask::Raw)(a.v <= b.v)}; }
  GRADUS_FN friend Mask operator>=(Num a, Num b) { return {(typename Mask::Raw)(a.v >= b.v)}; }
  GRADUS_FN friend Mask operator==(Num a, Num b) { return {(typename Mask::Raw)(a.v == b.v)}; }
  GRADUS_FN friend Mask operator!=(Num a, Num b) { return {(typename Mask::Raw)(a.v != b.v)}; }

  GRADUS_FN friend Num select(Mask m, Num a, Num b) { return raw(m.m ? a.v : b.v); }
  GRADUS_FN friend Num max(Num a, Num b) { return raw(simd::max(a.v, b.v)); }
  GRADUS_FN friend Num min(Num a, Num b) { return raw(simd::min(a.v, b.v)); }
  GRADUS_FN friend Num clamp(Num x, Num low, Num high) { return min(max(x, low), high); }
  GRADUS_FN friend Num abs(Num a) { return from_bits(a.bits() & ~sign_bit); }
  GRADUS_FN friend Num copysign(Num a, Num sign) {
    return from_bits((a.bits() & ~sign_bit) | (sign.bits() & sign_bit));
  }
  GRADUS_FN friend Num fma(Num a, Num b, Num c) { return raw(simd::fma(a.v, b.v, c.v)); }
  GRADUS_FN friend Num sqrt(Num a) { return raw(simd::sqrt(a.v)); }
  GRADUS_FN friend Num floor(Num a) { return raw(simd::floor(a.v)); }
  GRADUS_FN friend Num round(Num a) { return raw(simd::round(a.v)); }
  GRADUS_FN friend Mask is_nan(Num a) { return a != a; }
  GRADUS_FN friend Num rotate(Num x, int by) { return from_bits(rotate(x.bits(), by)); }
  GRADUS_FN friend Num pow(Num x, Num y) { return pow_of(x, y); }
  GRADUS_FN friend Num atan2(Num y, Num x) { return atan2_of(y, x); }
  GRADUS_FN friend Num plain(Num x) { return x; }

 private:
  static constexpr IntBeside<F> sign_bit = std::numeric_limits<IntBeside<F>>::min();
};

// ---- two halves ---------------------------------------------------------------------------------

template <class F, int N>
  requires(two_halves<F, N>)
struct Mask<F, N> {
  using Half = Mask<F, N / 2>;
  Half lo, hi;

  GRADUS_FN bool lane(int i) const { return i < N / 2 ? lo.lane(i) : hi.lane(i - N / 2); }
  GRADUS_FN friend Mask operator&(Mask a, Mask b) { return {a.lo & b.lo, a.hi & b.hi}; }
  GRADUS_FN friend Mask operator|(Mask a, Mask b) { return {a.lo | b.lo, a.hi | b.hi}; }
  GRADUS_FN friend Mask operator!(Mask a) { return {!a.lo, !a.hi}; }
  GRADUS_FN friend bool some(Mask a) { return some(a.lo | a.hi); }
  GRADUS_FN friend bool all(Mask a) { return all(a.lo & a.hi); }
};

template <class F, int N>
  requires(two_halves<F, N>)
struct Ints<F, N> {
  using Half = Ints<F, N / 2>;
  using Int = IntBeside<F>;
  using Mask = gradus::Mask<F, N>;
  static constexpr int size = N;
  Half lo, hi;

  Ints() = default;
  GRADUS_FN Ints(int64_t c) : lo(c), hi(c) {}
  GRADUS_FN Ints(Half lo, Half hi) : lo(lo), hi(hi) {}
  GRADUS_FN Int lane(int i) const { return i < N / 2 ? lo.lane(i) : hi.lane(i - N / 2); }
  GRADUS_FN void set(int i, int64_t c) { i < N / 2 ? lo.set(i, c) : hi.set(i - N / 2, c); }

  GRADUS_FN friend Ints operator+(Ints a, Ints b) { return {a.lo + b.lo, a.hi + b.hi}; }
  GRADUS_FN friend Ints operator-(Ints a, Ints b) { return {a.lo - b.lo, a.hi - b.hi}; }
  GRADUS_FN friend Ints operator&(Ints a, Ints b) { return {a.lo & b.lo, a.hi & b.hi}; }
  GRADUS_FN friend Ints operator|(Ints a, Ints b) { return {a.lo | b.lo, a.hi | b.hi}; }
  GRADUS_FN friend Ints operator<<(Ints a, int by) { return {a.lo << by, a.hi << by}; }
  GRADUS_FN friend Ints operator>>(Ints a, int by) { return {a.lo >> by, a.hi >> by}; }
  GRADUS_FN friend Mask operator<(Ints a, Ints b) { return {a.lo < b.lo, a.hi < b.hi}; }
  GRADUS_FN friend Mask operator>(Ints a, Ints b) { return {a.lo > b.lo, a.hi > b.hi}; }
  GRADUS_FN friend Mask operator<=(Ints a, Ints b) { return {a.lo <= b.lo, a.hi <= b.hi}; }
  GRADUS_FN friend Mask operator>=(Ints a, Ints b) { return {a.lo >= b.lo, a.hi >= b.hi}; }
  GRADUS_FN friend Mask operator==(Ints a, Ints b) { return {a.lo == b.lo, a.hi == b.hi}; }
  GRADUS_FN friend Mask operator!=(Ints a, Ints b) { return {a.lo != b.lo, a.hi != b.hi}; }
  GRADUS_FN friend Ints select(Mask m, Ints a, Ints b) { return {select(m.lo, a.lo, b.lo), select(m.hi, a.hi, b.hi)}; }
  GRADUS_FN friend Ints rotate(Ints x, int by) {
    Int twice[2 * N];
    memcpy(twice, &x, sizeof x), memcpy(twice + N, &x, sizeof x);
    memcpy(static_cast<void*>(&x), twice + by, sizeof x);
    return x;
  }
};

template <class F, int N>
  requires(two_halves<F, N>)
struct Num<F, N> {
  using Half = Num<F, N / 2>;
  using Scalar = F;
  using Mask = gradus::Mask<F, N>;
  using Index = Ints<F, N>;
  using Plain = Num;
  static constexpr int size = N;
  Half lo, hi;

  Num() = default;
  GRADUS_FN Num(double c) : lo(c), hi(c) {}
  GRADUS_FN Num(Half lo, Half hi) : lo(lo), hi(hi) {}
  GRADUS_FN static Num from(Index i) { return {Half::from(i.lo), Half::from(i.hi)}; }
  GRADUS_FN static Num lowest() { return {Half::lowest(), Half::lowest()}; }
  GRADUS_FN static Num highest() { return {Half::highest(), Half::highest()}; }
  GRADUS_FN static Num infinity() { return {Half::infinity(), Half::infinity()}; }
  GRADUS_FN static Num load(const F* p) { return {Half::load(p), Half::load(p + N / 2)}; }
  GRADUS_FN void store(F* p) const { lo.store(p), hi.store(p + N / 2); }
  GRADUS_FN static Num load_first(const F* p, int n) { return simd::load_first<Num>(p, n); }
  GRADUS_FN void store_first(F* p, int n) const { simd::store_first(*this, p, n); }
  GRADUS_FN F lane(int i) const { return i < N / 2 ? lo.lane(i) : hi.lane(i - N / 2); }
  GRADUS_FN void set(int i, F c) { i < N / 2 ? lo.set(i, c) : hi.set(i - N / 2, c); }

  GRADUS_FN static Num from_bits(Index i) { return {Half::from_bits(i.lo), Half::from_bits(i.hi)}; }
  GRADUS_FN Index bits() const { return {lo.bits(), hi.bits()}; }
  GRADUS_FN Index integers() const { return {lo.integers(), hi.integers()}; }

  GRADUS_FN friend Num operator+(Num a, Num b) { return {a.lo + b.lo, a.hi + b.hi}; }
  GRADUS_FN friend Num operator-(Num a, Num b) { return {a.lo - b.lo, a.hi - b.hi}; }
  GRADUS_FN friend Num operator*(Num a, Num b) { return {a.lo * b.lo, a.hi * b.hi}; }
  GRADUS_FN friend Num operator/(Num a, Num b) { return {a.lo / b.lo, a.hi / b.hi}; }
  GRADUS_FN friend Num operator-(Num a) { return {-a.lo, -a.hi}; }
  GRADUS_FN friend Mask operator<(Num a, Num b) { return {a.lo < b.lo, a.hi < b.hi}; }
  GRADUS_FN friend Mask operator>(Num a, Num b) { return {a.lo > b.lo, a.hi > b.hi}; }
  GRADUS_FN friend Mask operator<=(Num a, Num b) { return {a.lo <= b.lo, a.hi <= b.hi}; }
  GRADUS_FN friend Mask operator>=(Num a, Num b) { return {a.lo >= b.lo, a.hi >= b.hi}; }
  GRADUS_FN friend Mask operator==(Num a, Num b) { return {a.lo == b.lo, a.hi == b.hi}; }
  GRADUS_FN friend Mask operator!=(Num a, Num b) { return {a.lo != b.lo, a.hi != b.hi}; }

  GRADUS_FN friend Num select(Mask m, Num a, Num b) { return {select(m.lo, a.lo, b.lo), select(m.hi, a.hi, b.hi)}; }
  GRADUS_FN friend Num max(Num a, Num b) { return {max(a.lo, b.lo), max(a.hi, b.hi)}; }
  GRADUS_FN friend Num min(Num a, Num b) { return {min(a.lo, b.lo), min(a.hi, b.hi)}; }
  GRADUS_FN friend Num clamp(Num x, Num low, Num high) { return min(max(x, low), high); }
  GRADUS_FN friend Num abs(Num a) { return {abs(a.lo), abs(a.hi)}; }
  GRADUS_FN friend Num copysign(Num a, Num sign) { return {copysign(a.lo, sign.lo), copysign(a.hi, sign.hi)}; }
  GRADUS_FN friend Num fma(Num a, Num b, Num c) { return {fma(a.lo, b.lo, c.lo), fma(a.hi, b.hi, c.hi)}; }
  GRADUS_FN friend Num sqrt(Num a) { return {sqrt(a.lo), sqrt(a.hi)}; }
  GRADUS_FN friend Num floor(Num a) { return {floor(a.lo), floor(a.hi)}; }
  GRADUS_FN friend Num round(Num a) { return {round(a.lo), round(a.hi)}; }
  GRADUS_FN friend Mask is_nan(Num a) { return a != a; }
  GRADUS_FN friend Num rotate(Num x, int by) {
    F twice[2 * N];
    x.store(twice), x.store(twice + N);
    return load(twice + by);
  }
  GRADUS_FN friend Num pow(Num x, Num y) { return pow_of(x, y); }
  GRADUS_FN friend Num atan2(Num y, Num x) { return atan2_of(y, x); }
  GRADUS_FN friend Num plain(Num x) { return x; }
};

// ---- between float and double -------------------------------------------------------------------

template <int N> GRADUS_FN Num<double, N> widen(Num<float, N> x) {
  if constexpr (two_halves<float, N>) {
    return {widen(x.lo), widen(x.hi)};
  } else if constexpr (two_halves<double, N>) {
    return {widen(Num<float, N / 2>::raw(simd::low_half(x.v))), widen(Num<float, N / 2>::raw(simd::high_half(x.v)))};
  } else {
    return Num<double, N>::raw(__builtin_convertvector(x.v, simd::Vector<double, N>));
  }
}
template <int N> GRADUS_FN Num<float, N> narrow(Num<double, N> x) {
  if constexpr (two_halves<float, N>) {
    return {narrow(x.lo), narrow(x.hi)};
  } else if constexpr (two_halves<double, N>) {
    return Num<float, N>::raw(simd::joined(narrow(x.lo).v, narrow(x.hi).v));
  } else {
    return Num<float, N>::raw(__builtin_convertvector(x.v, simd::Vector<float, N>));
  }
}
}  // namespace gradus
#endif
