// The marker of every function that a formula may reach: it runs on host and device, and is inlined wherever it is
// used.
#pragma once

#if defined(__CUDACC__)
#define GRADUS_FN __host__ __device__ __forceinline__
#else
#define GRADUS_FN inline __attribute__((always_inline))
#endif
