// The marker of every function that a formula may reach: it runs on host and device, and is inlined wherever it is
// used.
#pragma once

#if defined(__CUDACC__)
#define GRADUS_FN __host__ __device__ __forceinline__
// Of what is too large to be inlined, or calls back.
#define GRADUS_ANYWHERE __host__ __device__
// Of what is called from many places of one kernel, whose registers are few.
#define GRADUS_APART __host__ __device__ __noinline__
#else
#define GRADUS_FN inline __attribute__((always_inline))
#define GRADUS_ANYWHERE
#define GRADUS_APART
#endif
