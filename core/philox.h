// Random numbers without a state: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2,
// 3; SC 2011). Number i of a draw is a function of (seed, stream, i) alone, on every device and any number of threads.
#pragma once
#include <cmath>
#include <cstdint>

#include "gradus/core/function.h"

namespace gradus {

/// 128 random bits: four floats' worth, or two doubles'.
struct Philox4 {
  uint32_t word[4];
};

/// The random bits of block `block` of a stream: floats take element i from word i % 4 of block i / 4, doubles from
/// words 2 (i % 2) and the next of block i / 2.
GRADUS_FN Philox4 philox(uint64_t seed, uint64_t stream, uint64_t block) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * c0;
    const uint64_t product1 = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<uint32_t>(product0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

/// Two words as one 64-bit word, low half first.
GRADUS_FN uint64_t joined(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }

/// Uniform in [0, 1): a multiple of 2^-24.
GRADUS_FN float uniform_from(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

/// Uniform in [0, 1): a multiple of 2^-53.
GRADUS_FN double uniform_from(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// Takes u, uniform in [0, 1), to [low, high). Where rounding would reach high, the result is low.
template <class T> GRADUS_FN T spread(T u, T low, T high) {
  const T x = std::fma(u, high - low, low);
  return x < high ? x : low;
}

/// Two independent draws from the standard normal distribution.
template <class T> struct NormalPair { T first, second; };

/// By Box and Muller: a radius from one word, an angle from the other.
GRADUS_FN NormalPair<float> normal_from(uint32_t radius_bits, uint32_t angle_bits) {
  const float u = std::fma(static_cast<float>(radius_bits), 0x1p-32f, 0x1p-33f);  // in (0, 1]: the logarithm is finite
  const float radius = std::sqrt(-2.0f * std::log(u));
  const float angle = 6.28318530717958648f * uniform_from(angle_bits);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}
GRADUS_FN NormalPair<double> normal_from(uint64_t radius_bits, uint64_t angle_bits) {
  const double u = uniform_from(radius_bits) + 0x1p-54;
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 6.28318530717958648 * uniform_from(angle_bits);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Uniform in [0, range), range > 0, from all 128 bits: no value is preferred by more than 2^-64 of its probability.
GRADUS_FN uint64_t integer_below(uint64_t range, const Philox4& bits) {
  using Wide = unsigned __int128;
  const Wide low = Wide{joined(bits.word[0], bits.word[1])} * range;
  const Wide high = Wide{joined(bits.word[2], bits.word[3])} * range;
  return static_cast<uint64_t>((high + (low >> 64)) >> 64);
}

/// The bound below which a word counts as a success of probability p in [0, 1], to 2^-32.
GRADUS_FN uint64_t bernoulli_bound(double p) { return static_cast<uint64_t>(p * 0x1p32); }
GRADUS_FN bool bernoulli_from(uint32_t bits, uint64_t bound) { return bits < bound; }

}  // namespace gradus
