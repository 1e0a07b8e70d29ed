// The strided elements of tensors as kernels walk them: one after another in row-major order, a grid's stride apart.
#pragma once
#include <algorithm>
#include <cstdint>

#include "gradus/core/backend.h"
#include "gradus/core/function.h"
#include "gradus/cuda/meeting.h"
#include "gradus/cuda/simt.h"

namespace gradus::cuda_kernels {

// Some dimensions of a tensor, and the place of the i-th element along them.
struct Axes {
  int rank = 0;
  int64_t extent[Shape::max_rank] = {}, stride[Shape::max_rank] = {};

  // One more, inside those that are there; it joins the innermost where the two are as one in memory.
  void add(int64_t e, int64_t s) {
    if (rank && stride[rank - 1] == e * s) extent[rank - 1] *= e, stride[rank - 1] = s;
    else extent[rank] = e, stride[rank++] = s;
  }
  int64_t numel() const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= extent[d];
    return n;
  }
  GRADUS_FN int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int d = rank - 1; d > 0; --d) {
      at += i % extent[d] * stride[d];
      i /= extent[d];
    }
    return rank ? at + i * stride[0] : 0;
  }
};

inline Axes axes_of(const Elements& e) {
  Axes axes;
  for (int d = 0; d < e.rank; ++d)
    if (e.extent[d] != 1) axes.add(e.extent[d], e.stride[d]);
  return axes;
}

inline unsigned blocks_of(int64_t n) { return unsigned(std::clamp<int64_t>((n + threads - 1) / threads, 1, 65535)); }

__device__ __forceinline__ int64_t first_element() { return int64_t(blockIdx.x) * threads + threadIdx.x; }
__device__ __forceinline__ int64_t next_element() { return int64_t(gridDim.x) * threads; }

}  // namespace gradus::cuda_kernels
