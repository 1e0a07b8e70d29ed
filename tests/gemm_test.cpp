// Matrix products against a plain loop in double, whatever the shapes and strides, and the same bits however they are
// cut.
#include "gradus/ops/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/core/threads.h"
#include "gradus/ops/gemm_tiles.h"
#include "gradus/ops/sampling.h"

namespace gradus {
namespace {

using Floats = std::vector<float>;

Floats numbers(int64_t n, uint64_t seed) {
  Generator generator(seed);
  const Tensor x = randn({n}, Dtype::float32, generator);
  return Floats(x.data<float>(), x.data<float>() + n);
}

// A matrix of rows × columns with a few numbers of something else after each of its rows, or columns.
struct Stored {
  Floats data;
  Matrix matrix;

  Stored(int64_t rows, int64_t columns, bool by_columns, uint64_t seed) {
    const int64_t step = (by_columns ? rows : columns) + 3;
    data = numbers(step * (by_columns ? columns : rows), seed);
    matrix = {data.data(), by_columns ? 1 : step, by_columns ? step : 1};
  }
  double at(int64_t i, int64_t j) const { return data[size_t(i * matrix.row + j * matrix.column)]; }
};

struct Extents {
  int64_t n, m, k;
};
class Products : public testing::TestWithParam<Extents> {};

TEST_P(Products, AreThoseOfThreeLoops) {
  const auto [n, m, k] = GetParam();
  for (int form = 0; form < 8; ++form) {
    const bool a_columns = form & 1, b_columns = form & 2, accumulate = form & 4;
    const Stored a(n, k, a_columns, 1), b(k, m, b_columns, 2);
    const int64_t c_row = m + 5;
    const Floats before = numbers(n * c_row, 3);
    Floats c = before;
    gemm<float>(n, m, k, a.matrix, b.matrix, c.data(), c_row, accumulate);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < c_row; ++j) {
        const size_t at = size_t(i * c_row + j);
        double sum = j >= m || accumulate ? before[at] : 0;
        for (int64_t l = 0; l < k && j < m; ++l) sum += a.at(i, l) * b.at(l, j);
        ASSERT_NEAR(c[at], sum, j < m ? 3e-6 * double(k) : 0) << "form " << form << ", row " << i << ", column " << j;
      }
  }
}
INSTANTIATE_TEST_SUITE_P(OfManyShapes, Products,
                         testing::Values(Extents{1, 1, 1}, Extents{1, 16, 16}, Extents{48, 16, 8}, Extents{53, 31, 19},
                                         Extents{64, 10, 128}, Extents{67, 33, 257}, Extents{48, 300, 40},
                                         Extents{150, 129, 64}));

TEST(Gemm, BitsDoNotDependOnThreads) {
  const int before = threads();
  for (const auto& [n, m, k] : {Extents{300, 70, 90}, Extents{70, 300, 90}}) {
    const Stored a(n, k, false, 4), b(k, m, true, 5);
    Floats first;
    for (int count = 1; count <= 4; ++count) {
      set_threads(count);
      Floats c(size_t(n * m));
      gemm<float>(n, m, k, a.matrix, b.matrix, c.data(), m);
      if (first.empty()) first = c;
      EXPECT_EQ(c, first) << count << " threads";
    }
  }
  set_threads(before);
}

TEST(Gemm, AnElementOfATileIsTheSameInAnyPart) {
  const int64_t n = 100, m = 50, k = 300;
  const Stored a(n, k, true, 6), b(k, m, false, 7);
  Floats whole(size_t(n * m)), part(size_t(n * m));
  multiply_in_tiles(n, m, k, a.matrix, b.matrix, whole.data(), m, false);
  const int64_t rows = 37, columns = 21;
  const Matrix from_a = {a.data.data() + rows, 1, a.matrix.column}, from_b = {b.data.data() + columns, b.matrix.row, 1};
  multiply_in_tiles(n - rows, m - columns, k, from_a, from_b, part.data() + rows * m + columns, m, false);
  for (int64_t i = rows; i < n; ++i)
    for (int64_t j = columns; j < m; ++j) EXPECT_EQ(part[size_t(i * m + j)], whole[size_t(i * m + j)]);
}

}  // namespace
}  // namespace gradus
