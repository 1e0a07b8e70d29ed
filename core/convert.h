// Conversion between element types, with the 16-bit formats that are storage only.
#pragma once
#include <bit>
#include <cmath>
#include <type_traits>

#include "gradus/core/dtype.h"

namespace gradus {

inline float to_float(BFloat16 x) { return std::bit_cast<float>(uint32_t(x.bits) << 16); }
inline BFloat16 to_bfloat16(float x) {  // round to nearest, ties to even; a NaN stays one
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return {uint16_t((bits >> 16) | 0x40)};
  return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

inline float to_float(Half x) {
  const uint32_t sign = uint32_t(x.bits & 0x8000) << 16, exponent = (x.bits >> 10) & 31, fraction = x.bits & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | (fraction << 13));
  if (exponent) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float tiny = float(fraction) * 0x1p-24f;  // zero and the subnormals
  return sign ? -tiny : tiny;
}
inline Half to_half(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return {uint16_t(sign | 0x7e00)};
  if (magnitude >= 0x477ff000) return {uint16_t(sign | 0x7c00)};  // 65520 and beyond round to infinity
  if (magnitude < 0x38800000) {                                   // below 2^-14: subnormal, in units of 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;
    return {uint16_t(sign | uint32_t(std::nearbyint(scaled)))};
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return {uint16_t(sign | ((rounded - 0x38000000) >> 13))};
}

template <class To, class From> To convert(From x) {
  constexpr bool from_narrow = std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>;
  if constexpr (std::is_same_v<To, From>) return x;
  else if constexpr (from_narrow) return convert<To>(to_float(x));
  else if constexpr (std::is_same_v<To, Half>) return to_half(float(x));
  else if constexpr (std::is_same_v<To, BFloat16>) return to_bfloat16(float(x));
  else if constexpr (std::is_same_v<To, bool>) return x != From(0);
  else return To(x);
}

}  // namespace gradus
