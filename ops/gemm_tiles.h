// Products of float32 matrices in tiles that stay in registers: faster than the BLAS where a matrix is neither tiny nor
// narrow nor large.
#pragma once
#include <cstdint>

#include "gradus/ops/gemm.h"

namespace gradus {

// Are tiles the faster way to a product of this shape, on this instruction set?
bool tiles_pay(int64_t n, int64_t m, int64_t k);

// c[n][m] = Σ_k a[n][k] b[k][m], plus c where `accumulate`.  Each element is one sum in the order of k, whatever part
// of a larger product this is.
void multiply_in_tiles(int64_t n, int64_t m, int64_t k, Matrix a, Matrix b, float* c, int64_t c_row, bool accumulate);

}  // namespace gradus
