// The door to the BLAS: C = A B over fixed tiles.
#pragma once
#include <cstdint>

namespace gradus {

// c[n][m] = Σ_k a[n][k] b[k][m], plus c where `accumulate`.  The strides of a and b are in elements, one of each pair
// being 1; c is row-major with `c_row` between rows.
struct Matrix {
  const void* data;
  int64_t row, column;  // strides
};
template <class F>
void gemm(int64_t n, int64_t m, int64_t k, Matrix a, Matrix b, F* c, int64_t c_row, bool accumulate = false);

// OpenBLAS would split work by its own thread count, and the bits with it: it runs single-threaded, for the whole
// process, and tiles fixed by the shape run on our threads.  To be called before anything else of the BLAS or LAPACK.
void single_threaded_blas();

}  // namespace gradus
