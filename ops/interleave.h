// Rows side by side: from several runs of numbers to one in which they alternate, and back.
#pragma once
#include <cstring>

#include "gradus/core/simd.h"

namespace gradus {
namespace detail {

// Two blocks of four by four, each in its half of the vectors, transposed.
GRADUS_FN void transpose_blocks(simd::Float8 (&x)[4]) {
  const auto low = [](simd::Float8 a, simd::Float8 b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
  };
  const auto high = [](simd::Float8 a, simd::Float8 b) {
    return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  };
  const auto front = [](simd::Float8 a, simd::Float8 b) {
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
  };
  const auto back = [](simd::Float8 a, simd::Float8 b) {
    return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  };
  const simd::Float8 a = low(x[0], x[1]), b = high(x[0], x[1]), c = low(x[2], x[3]), d = high(x[2], x[3]);
  x[0] = front(a, c), x[1] = back(a, c), x[2] = front(b, d), x[3] = back(b, d);
}

}  // namespace detail

// to[i * lanes + j] = rows[j][i] for 0 <= i < n.
template <int lanes> void interleave(const float* const* rows, int64_t n, float* to) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < lanes; j += 8) {
      simd::Float8 x[4];
      for (int r = 0; r < 4; ++r) {
        simd::Float4 a, b;
        memcpy(&a, rows[j + r] + i, sizeof a), memcpy(&b, rows[j + r + 4] + i, sizeof b);
        x[r] = simd::joined(a, b);
      }
      detail::transpose_blocks(x);
      for (int r = 0; r < 4; ++r) memcpy(to + (i + r) * lanes + j, &x[r], sizeof x[r]);
    }
  for (; i < n; ++i)
    for (int j = 0; j < lanes; ++j) to[i * lanes + j] = rows[j][i];
}

// rows[j][i] = from[i * lanes + j] for 0 <= i < n.
template <int lanes> void separate(const float* from, int64_t n, float* const* rows) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < lanes; j += 8) {
      simd::Float8 x[4];
      for (int r = 0; r < 4; ++r) memcpy(&x[r], from + (i + r) * lanes + j, sizeof x[r]);
      detail::transpose_blocks(x);
      for (int r = 0; r < 4; ++r) {
        const simd::Float4 a = simd::low_half(x[r]), b = simd::high_half(x[r]);
        memcpy(rows[j + r] + i, &a, sizeof a), memcpy(rows[j + r + 4] + i, &b, sizeof b);
      }
    }
  for (; i < n; ++i)
    for (int j = 0; j < lanes; ++j) rows[j][i] = from[i * lanes + j];
}

}  // namespace gradus
