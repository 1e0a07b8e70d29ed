// The vocabulary that kernels are written in: CUDA's own under nvcc, and the emulator's where a host compiler reads the
// same source.  Device and shared memory are reached through read() and write() alone, so that the emulator sees every
// access.
#pragma once
#include <cstdint>

#if !defined(__CUDACC__)
#include "gradus/cuda/emulator.h"
#else
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "gradus/cuda/stream.h"

// An array of n T's that the threads of a block share.
#define GRADUS_SHARED(T, name, n)                                       \
  __shared__ __align__(16) unsigned char name##_bytes[sizeof(T) * (n)]; \
  T* const name = reinterpret_cast<T*>(name##_bytes)

// Before a loop over an array that lies in registers: its indices must be known.
#define GRADUS_UNROLLED _Pragma("unroll")

namespace gradus::simt {

template <class T> __device__ __forceinline__ T read(const T* p, int64_t i = 0) { return p[i]; }
template <class T> __device__ __forceinline__ void write(T* p, int64_t i, T x) { p[i] = x; }

// The address by which a kernel reads or writes `bytes` without asking for each of them.
template <class T> __device__ __forceinline__ T* opened(T* p, int64_t bytes) { return (void)bytes, p; }
// Ends the kernel.
__device__ __forceinline__ void fail(const char*) { __trap(); }

// Adds one and returns what was there before; what this thread's block wrote before is seen by who takes a later
// ticket.
__device__ __forceinline__ unsigned take_ticket(unsigned* p) {
  return __nv_atomic_fetch_add(p, 1u, __NV_ATOMIC_ACQ_REL, __NV_THREAD_SCOPE_DEVICE);
}
__device__ __forceinline__ void atomic_min(unsigned long long* p, unsigned long long x) { atomicMin(p, x); }
__device__ __forceinline__ void atomic_add(unsigned* p, unsigned x) { atomicAdd(p, x); }

// Starts a kernel; an error is thrown with the kernel's name.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), unsigned grid, unsigned block, A... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(grid);
  config.blockDim = dim3(block);
  config.stream = runtime::stream();
  if (const cudaError_t error = cudaLaunchKernelEx(&config, kernel, P(arguments)...); error != cudaSuccess)
    throw std::runtime_error(std::string(name) + ": " + cudaGetErrorString(error));
}

}  // namespace gradus::simt
#endif
