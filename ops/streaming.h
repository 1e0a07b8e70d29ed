// Streaming: large results are written past the caches, whose lines would be read only to be overwritten.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace gradus {

// From so many bytes on, whoever reads a result next does not find it in a cache anyway.
constexpr int64_t streamed_bytes = int64_t{8} << 20;

// Copies n numbers from a buffer in the first-level cache.  They are other threads' to see after finish_streaming().
template <class F> void stream(const F* from, int64_t n, F* to) {
#if defined(__SSE2__)
#if defined(__AVX__)
  using Register = __m256i;
  const auto put = [](void* p, Register x) { _mm256_stream_si256(static_cast<Register*>(p), x); };
#else
  using Register = __m128i;
  const auto put = [](void* p, Register x) { _mm_stream_si128(static_cast<Register*>(p), x); };
#endif
  constexpr int64_t step = sizeof(Register) / sizeof(F);
  for (; n > 0 && reinterpret_cast<uintptr_t>(to) % sizeof(Register); --n) *to++ = *from++;
  for (; n >= step; n -= step, from += step, to += step) {
    Register x;
    std::memcpy(&x, from, sizeof x);
    put(to, x);
  }
#endif
  std::memcpy(to, from, size_t(n) * sizeof(F));
}

inline void finish_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace gradus
