// Totals over the threads of a warp and of a block, in an order that is fixed.
#pragma once
#include <cstring>

#include "gradus/cuda/meeting.h"
#include "gradus/cuda/simt.h"

namespace gradus::cuda_kernels {

constexpr unsigned whole_warp = ~0u;

// A plain struct of the lane whose number differs by `by`.
template <class S> __device__ __forceinline__ S shuffled(S mine, unsigned by) {
  static_assert(__is_trivially_copyable(S) && sizeof(S) % 4 == 0, "words are exchanged");
  constexpr int words = int(sizeof(S) / 4);
  unsigned word[words];
  memcpy(word, static_cast<const void*>(&mine), sizeof mine);
  for (int i = 0; i < words; ++i) word[i] = __shfl_xor_sync(whole_warp, word[i], by);
  memcpy(static_cast<void*>(&mine), word, sizeof mine);
  return mine;
}

// The merged total of a warp in each of its lanes; the order is fixed, and the same in all of them.
template <class S, class Merge> __device__ __forceinline__ S warp_total(S mine, Merge merge) {
  for (unsigned by = 1; by < 32; by *= 2) {
    const S other = shuffled(mine, by);
    mine = threadIdx.x & by ? merge(other, mine) : merge(mine, other);
  }
  return mine;
}

// The same for a block; every thread must come.
template <class S, class Merge> __device__ __forceinline__ S block_total(S mine, Merge merge) {
  GRADUS_SHARED(S, warps, threads / 32);
  mine = warp_total(mine, merge);
  __syncthreads();  // an earlier total may still be read
  if (threadIdx.x % 32 == 0) simt::write(warps, threadIdx.x / 32, mine);
  __syncthreads();
  S total = simt::read(warps);
  for (unsigned w = 1; w < threads / 32; ++w) total = merge(total, simt::read(warps, w));
  return total;
}

}  // namespace gradus::cuda_kernels
