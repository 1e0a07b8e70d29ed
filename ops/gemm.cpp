#include "gradus/ops/gemm.h"

#include <cblas.h>

#include <algorithm>
#include <mutex>

#include "gradus/core/threads.h"
#include "gradus/ops/gemm_tiles.h"

namespace gradus {

void single_threaded_blas() {
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); });
}

namespace {

void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int n, int m, int k, const float* a, int lda, const float* b,
              int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, n, m, k, 1, a, lda, b, ldb, beta, c, ldc);
}
void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int n, int m, int k, const double* a, int lda, const double* b,
              int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, n, m, k, 1, a, lda, b, ldb, beta, c, ldc);
}

constexpr int64_t part_rows = 132, part_columns = 128;  // of c that one task takes: whole tiles
constexpr int64_t worth_splitting = 1 << 20;  // multiplications; below, waking a thread costs more than it brings

// Parts of the whole product; which function multiplies depends on the whole shape alone.
template <class F> struct Product {
  int64_t n, m, k;
  Matrix a, b;
  F* c;
  int64_t c_row;
  bool accumulate;

  void operator()(int64_t i, int64_t j, int64_t rows, int64_t columns) const {
    const F* from_a = static_cast<const F*>(a.data) + i * a.row;
    const F* from_b = static_cast<const F*>(b.data) + j * b.column;
    F* to = c + i * c_row + j;
    if constexpr (std::is_same_v<F, float>)
      if (tiles_pay(n, m, k))
        return multiply_in_tiles(rows, columns, k, {from_a, a.row, a.column}, {from_b, b.row, b.column}, to, c_row,
                                 accumulate);
    single_threaded_blas();
    const auto ta = a.column == 1 ? CblasNoTrans : CblasTrans, tb = b.column == 1 ? CblasNoTrans : CblasTrans;
    // BLAS wants leading dimensions at least as long as a row even where there is only one.
    const int lda = int(std::max(ta == CblasNoTrans ? a.row : a.column, ta == CblasNoTrans ? k : n));
    const int ldb = int(std::max(tb == CblasNoTrans ? b.row : b.column, tb == CblasNoTrans ? m : k));
    multiply(ta, tb, int(rows), int(columns), int(k), from_a, lda, from_b, ldb, accumulate ? F(1) : F(0), to,
             int(c_row));
  }
};

}  // namespace

template <class F>
void gemm(int64_t n, int64_t m, int64_t k, Matrix a, Matrix b, F* c, int64_t c_row, bool accumulate) {
  if (n == 0 || m == 0) return;
  if (k == 0) {
    if (!accumulate)
      for (int64_t i = 0; i < n; ++i) std::fill_n(c + i * c_row, m, F(0));
    return;
  }
  const Product<F> part{n, m, k, a, b, c, c_row, accumulate};
  if (n * m * k < worth_splitting) return part(0, 0, n, m);
  const bool by_rows = n >= m;
  const int64_t extent = by_rows ? n : m, size = by_rows ? part_rows : part_columns;
  parallel_for((extent + size - 1) / size, [&](int64_t t) {
    const int64_t from = t * size, length = std::min(size, extent - from);
    by_rows ? part(from, 0, length, m) : part(0, from, n, length);
  });
}

template void gemm(int64_t, int64_t, int64_t, Matrix, Matrix, float*, int64_t, bool);
template void gemm(int64_t, int64_t, int64_t, Matrix, Matrix, double*, int64_t, bool);

}  // namespace gradus
