// Conversion between element types, with the 16-bit formats that are storage only.
#pragma once
#include <cstring>
#include <type_traits>

#include "gradus/core/dtype.h"
#include "gradus/core/scalar_maths.h"

namespace gradus {

GRADUS_FN float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
GRADUS_FN uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

GRADUS_FN float to_float(BFloat16 x) { return float_of(uint32_t(x.bits) << 16); }
GRADUS_FN BFloat16 to_bfloat16(float x) {  // round to nearest, ties to even; a NaN stays one
  const uint32_t bits = bits_of(x);
  if (x != x) return {uint16_t((bits >> 16) | 0x40)};
  return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

GRADUS_FN float to_float(Half x) {
  const uint32_t sign = uint32_t(x.bits & 0x8000) << 16, exponent = (x.bits >> 10) & 31, fraction = x.bits & 0x3ff;
  if (exponent == 31) return float_of(sign | 0x7f800000 | (fraction << 13));
  if (exponent) return float_of(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float tiny = float(fraction) * 0x1p-24f;  // zero and the subnormals
  return sign ? -tiny : tiny;
}
GRADUS_FN Half to_half(float x) {
  const uint32_t bits = bits_of(x), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return {uint16_t(sign | 0x7e00)};
  if (magnitude >= 0x477ff000) return {uint16_t(sign | 0x7c00)};  // 65520 and beyond round to infinity
  if (magnitude < 0x38800000) {                                   // below 2^-14: subnormal, in units of 2^-24
    const float scaled = float_of(magnitude) * 0x1p24f;
    return {uint16_t(sign | uint32_t(scalar_maths::round(scaled)))};
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return {uint16_t(sign | ((rounded - 0x38000000) >> 13))};
}

template <class To, class From> GRADUS_FN To convert(From x) {
  constexpr bool from_narrow = std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>;
  if constexpr (std::is_same_v<To, From>) return x;
  else if constexpr (from_narrow) return convert<To>(to_float(x));
  else if constexpr (std::is_same_v<To, Half>) return to_half(float(x));
  else if constexpr (std::is_same_v<To, BFloat16>) return to_bfloat16(float(x));
  else if constexpr (std::is_same_v<To, bool>) return x != From(0);
  else return To(x);
}

}  // namespace gradus
