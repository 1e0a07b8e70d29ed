// Who solves a problem of a Block on a device: one thread, a warp or a thread block.
#pragma once
#include "gradus/cuda/threads_total.h"

// What only the code for the device holds: nvcc compiles functions of both kinds for the host as well.
#if !defined(__CUDACC__) || defined(__CUDA_ARCH__)
#define GRADUS_ON_DEVICE(...) __VA_ARGS__
#else
#define GRADUS_ON_DEVICE(...)
#endif

namespace gradus {

class Team {
 public:
  static constexpr bool alone = false;
  static constexpr bool recursive = false;  // the stack of a kernel is to be known

  Team() = default;
  // `room`: bytes of memory from `memory` on, the same for all of the team.
  GRADUS_ANYWHERE Team(unsigned size, char* memory, int64_t room) : size_(size), next_(memory), end_(memory + room) {}

  GRADUS_ANYWHERE int64_t rank() const {
    GRADUS_ON_DEVICE(return threadIdx.x % size_;)
    return 0;
  }
  GRADUS_ANYWHERE int64_t size() const { return size_; }
  GRADUS_ANYWHERE void meet() const {
    GRADUS_ON_DEVICE(if (size_ == cuda_kernels::threads) __syncthreads(); else if (size_ > 1) __syncwarp();)
  }
  // What all of the team have, merged, and their sum, known to all of them; all must come.
  template <class S, class Merge> GRADUS_ANYWHERE S join(S mine, Merge merge) const {
    GRADUS_ON_DEVICE(if (size_ == cuda_kernels::threads) return cuda_kernels::block_total(mine, merge);
                     if (size_ > 1) return cuda_kernels::warp_total(mine, merge);)
    return mine;
  }
  template <class T> GRADUS_ANYWHERE T sum(T mine) const {
    return join(mine, [](const T& a, const T& b) { return a + b; });
  }
  GRADUS_ANYWHERE void* take(int64_t bytes) {
    char* const x = next_;
    next_ += (bytes + 63) / 64 * 64;
    GRADUS_ON_DEVICE(if (next_ > end_) simt::fail("a Block takes more memory than its extents said");)
    return x;
  }
  // The reason is told by the CPU, which looks at the same problem again.
  GRADUS_ANYWHERE void refuse(int input, int64_t, double, const char*) {
    if (refused_ < 0) refused_ = input;
  }
  GRADUS_ANYWHERE int refused() const { return refused_; }  // an input, or -1

 private:
  unsigned size_ = 1;
  char *next_ = nullptr, *end_ = nullptr;
  int refused_ = -1;
};

}  // namespace gradus
