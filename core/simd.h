// One machine register of lanes: arithmetic and comparisons are the compiler's vector extension; here are the few
// instructions that it has no operator for, with plain loops where the machine lacks them.
#pragma once
#if !defined(__CUDACC__)  // device code has no vectors
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <utility>

#include "gradus/core/function.h"
#include "gradus/core/scalar_maths.h"

namespace gradus::simd {
template <class E, int N> struct VectorOf { typedef E Type __attribute__((vector_size(sizeof(E) * N))); };
template <class E, int N> using Vector = typename VectorOf<E, N>::Type;

template <class V> constexpr int lanes = sizeof(V) / sizeof(V{}[0]);

// The lanes First, First + 1, ... of a and b in a row.
template <int First, class V, int... I> GRADUS_FN auto picked(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, First + I...);
}
template <class V> GRADUS_FN auto low_half(V a) {
  return picked<0>(a, a, std::make_integer_sequence<int, lanes<V> / 2>{});
}
template <class V> GRADUS_FN auto high_half(V a) {
  return picked<lanes<V> / 2>(a, a, std::make_integer_sequence<int, lanes<V> / 2>{});
}
template <class V> GRADUS_FN auto joined(V low, V high) {
  return picked<0>(low, high, std::make_integer_sequence<int, lanes<V> * 2>{});
}

template <class V, class Fn> GRADUS_FN V each_lane(V a, Fn fn) {
  for (int i = 0; i < lanes<V>; ++i) a[i] = fn(a[i]);
  return a;
}
template <class V> GRADUS_FN V fma(V a, V b, V c) {
  for (int i = 0; i < lanes<V>; ++i) a[i] = scalar_maths::fma(a[i], b[i], c[i]);
  return a;
}
template <class V> GRADUS_FN V sqrt(V a) {
  return each_lane(a, [](auto x) { return scalar_maths::sqrt(x); });
}
template <class V> GRADUS_FN V floor(V a) {
  return each_lane(a, [](auto x) { return scalar_maths::floor(x); });
}
template <class V> GRADUS_FN V round(V a) {
  return each_lane(a, [](auto x) { return scalar_maths::round(x); });
}
// The instruction's own order: the first where a < b is false, so a NaN in `a` stays and one in `b` is dropped.
template <class V> GRADUS_FN V max(V a, V b) { return a < b ? b : a; }
template <class V> GRADUS_FN V min(V a, V b) { return b < a ? b : a; }
// Is any lane of a mask set?
template <class V> GRADUS_FN bool some(V mask) {
  bool found = false;
  for (int i = 0; i < lanes<V>; ++i) found |= mask[i] != 0;
  return found;
}

// The first n >= 1 lanes from memory, which is not touched beyond them; the last one fills the rest.
template <class V> GRADUS_FN V load_first(const typename V::Scalar* p, int n) {
  typename V::Scalar buffer[V::size];
  buffer[0] = p[0];
  for (int i = 1; i < V::size; ++i) buffer[i] = i < n ? p[i] : buffer[i - 1];
  return V::load(buffer);
}
template <class V> GRADUS_FN void store_first(V x, typename V::Scalar* p, int n) {
  typename V::Scalar buffer[V::size];
  x.store(buffer);
  for (int i = 0; i < n; ++i) p[i] = buffer[i];
}

using Float4 = Vector<float, 4>;
using Float8 = Vector<float, 8>;
using Float16 = Vector<float, 16>;
using Double2 = Vector<double, 2>;
using Double4 = Vector<double, 4>;
using Double8 = Vector<double, 8>;
using Int4 = Vector<int32_t, 4>;
using Int8 = Vector<int32_t, 8>;
using Int16 = Vector<int32_t, 16>;
using Long2 = Vector<int64_t, 2>;
using Long4 = Vector<int64_t, 4>;
using Long8 = Vector<int64_t, 8>;

#if defined(__SSE2__)
GRADUS_FN Float4 sqrt(Float4 a) { return (Float4)_mm_sqrt_ps(a); }
GRADUS_FN Double2 sqrt(Double2 a) { return (Double2)_mm_sqrt_pd(a); }
GRADUS_FN Float4 max(Float4 a, Float4 b) { return (Float4)_mm_max_ps(b, a); }
GRADUS_FN Double2 max(Double2 a, Double2 b) { return (Double2)_mm_max_pd(b, a); }
GRADUS_FN Float4 min(Float4 a, Float4 b) { return (Float4)_mm_min_ps(b, a); }
GRADUS_FN Double2 min(Double2 a, Double2 b) { return (Double2)_mm_min_pd(b, a); }
GRADUS_FN bool some(Int4 mask) { return _mm_movemask_epi8((__m128i)mask) != 0; }
GRADUS_FN bool some(Long2 mask) { return _mm_movemask_epi8((__m128i)mask) != 0; }
#endif
#if defined(__SSE4_1__)
GRADUS_FN Float4 floor(Float4 a) { return (Float4)_mm_floor_ps(a); }
GRADUS_FN Double2 floor(Double2 a) { return (Double2)_mm_floor_pd(a); }
GRADUS_FN Float4 round(Float4 a) { return (Float4)_mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
GRADUS_FN Double2 round(Double2 a) { return (Double2)_mm_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#endif
#if defined(__FMA__)
GRADUS_FN Float4 fma(Float4 a, Float4 b, Float4 c) { return (Float4)_mm_fmadd_ps(a, b, c); }
GRADUS_FN Double2 fma(Double2 a, Double2 b, Double2 c) { return (Double2)_mm_fmadd_pd(a, b, c); }
GRADUS_FN Float8 fma(Float8 a, Float8 b, Float8 c) { return (Float8)_mm256_fmadd_ps(a, b, c); }
GRADUS_FN Double4 fma(Double4 a, Double4 b, Double4 c) { return (Double4)_mm256_fmadd_pd(a, b, c); }
#endif
#if defined(__AVX2__)
GRADUS_FN Float8 sqrt(Float8 a) { return (Float8)_mm256_sqrt_ps(a); }
GRADUS_FN Double4 sqrt(Double4 a) { return (Double4)_mm256_sqrt_pd(a); }
GRADUS_FN Float8 floor(Float8 a) { return (Float8)_mm256_floor_ps(a); }
GRADUS_FN Double4 floor(Double4 a) { return (Double4)_mm256_floor_pd(a); }
GRADUS_FN Float8 round(Float8 a) { return (Float8)_mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
GRADUS_FN Double4 round(Double4 a) {
  return (Double4)_mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
GRADUS_FN Float8 max(Float8 a, Float8 b) { return (Float8)_mm256_max_ps(b, a); }
GRADUS_FN Double4 max(Double4 a, Double4 b) { return (Double4)_mm256_max_pd(b, a); }
GRADUS_FN Float8 min(Float8 a, Float8 b) { return (Float8)_mm256_min_ps(b, a); }
GRADUS_FN Double4 min(Double4 a, Double4 b) { return (Double4)_mm256_min_pd(b, a); }
GRADUS_FN bool some(Int8 mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
GRADUS_FN bool some(Long4 mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
#endif
#if defined(__AVX512F__)
GRADUS_FN Float16 fma(Float16 a, Float16 b, Float16 c) { return (Float16)_mm512_fmadd_ps(a, b, c); }
GRADUS_FN Double8 fma(Double8 a, Double8 b, Double8 c) { return (Double8)_mm512_fmadd_pd(a, b, c); }
GRADUS_FN Float16 sqrt(Float16 a) { return (Float16)_mm512_sqrt_ps(a); }
GRADUS_FN Double8 sqrt(Double8 a) { return (Double8)_mm512_sqrt_pd(a); }
GRADUS_FN Float16 floor(Float16 a) { return (Float16)_mm512_floor_ps(a); }
GRADUS_FN Double8 floor(Double8 a) { return (Double8)_mm512_floor_pd(a); }
GRADUS_FN Float16 round(Float16 a) { return (Float16)_mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
GRADUS_FN Double8 round(Double8 a) { return (Double8)_mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT); }
GRADUS_FN Float16 max(Float16 a, Float16 b) { return (Float16)_mm512_max_ps(b, a); }
GRADUS_FN Double8 max(Double8 a, Double8 b) { return (Double8)_mm512_max_pd(b, a); }
GRADUS_FN Float16 min(Float16 a, Float16 b) { return (Float16)_mm512_min_ps(b, a); }
GRADUS_FN Double8 min(Double8 a, Double8 b) { return (Double8)_mm512_min_pd(b, a); }
GRADUS_FN bool some(Int16 mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
GRADUS_FN bool some(Long8 mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
#endif
}  // namespace gradus::simd
#endif
