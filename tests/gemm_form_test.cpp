// How products of row-major matrices are told to a column-major library: the BLAS of the CPU, told the same, computes
// what plain loops do.
#include "gradus/cuda/gemm_form.h"

#include <cblas.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace gradus {
namespace {

using cuda_kernels::gemm_form;
using cuda_kernels::GemmForm;

// How a (batch, rows, columns) operand lies in memory.
enum class Layout { rows, columns, rows_apart, columns_apart, shared_rows, every_other };

struct Operand {
  std::vector<double> memory;
  Elements elements;

  Operand(Layout layout, int64_t batch, int64_t rows, int64_t columns) {
    const bool by_column = layout == Layout::columns || layout == Layout::columns_apart;
    const int64_t gap = layout == Layout::rows_apart || layout == Layout::columns_apart ? 3 : 0;
    const int64_t each = layout == Layout::every_other ? 2 : 1;
    const int64_t line = ((by_column ? rows : columns) + gap) * each, lines = by_column ? columns : rows;
    elements.rank = 3;
    elements.dtype = Dtype::float64;
    elements.extent[0] = batch, elements.extent[1] = rows, elements.extent[2] = columns;
    elements.stride[0] = layout == Layout::shared_rows ? 0 : line * lines + gap;
    elements.stride[1] = by_column ? each : line, elements.stride[2] = by_column ? line : each;
    memory.resize(size_t(batch * (line * lines + gap)));
    for (size_t i = 0; i < memory.size(); ++i) memory[i] = double((i * 7919 + 13) % 31) - 15;
    elements.data = memory.data();
  }
  double at(int64_t b, int64_t i, int64_t j) const {
    return memory[size_t(b * elements.stride[0] + i * elements.stride[1] + j * elements.stride[2])];
  }
};

std::vector<double> by_the_blas(const GemmForm& f, const Operand& a, const Operand& b) {
  std::vector<double> to(size_t(f.batch * f.n * f.m));
  const auto transposed = [](const GemmForm::Operand& o) { return o.transposed ? CblasTrans : CblasNoTrans; };
  for (int64_t i = 0; i < f.batch; ++i)
    cblas_dgemm(CblasColMajor, transposed(f.left), transposed(f.right), int(f.m), int(f.n), int(f.k), 1,
                b.memory.data() + i * f.left.step, int(f.left.leading), a.memory.data() + i * f.right.step,
                int(f.right.leading), 0, to.data() + i * f.to.step, int(f.to.leading));
  return to;
}

RC_GTEST_PROP(GemmForm, TheBlasComputesTheProduct, ()) {
  const auto extent = [] { return *rc::gen::inRange<int64_t>(1, 6); };
  const auto layout = [] {
    return *rc::gen::element(Layout::rows, Layout::columns, Layout::rows_apart, Layout::columns_apart,
                             Layout::shared_rows);
  };
  const int64_t batch = extent(), n = extent(), m = extent(), k = extent();
  const Operand a(layout(), batch, n, k), b(layout(), batch, k, m);
  Operand to(Layout::rows, batch, n, m);
  const auto form = gemm_form(a.elements, b.elements, to.elements);
  RC_ASSERT(form.has_value());
  const std::vector<double> got = by_the_blas(*form, a, b);
  for (int64_t i = 0; i < batch; ++i)
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < m; ++c) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l) sum += a.at(i, r, l) * b.at(i, l, c);
        RC_ASSERT(got[size_t((i * n + r) * m + c)] == sum);
      }
}

TEST(GemmForm, WhatNoLibraryReadsHasNone) {
  const Operand fine(Layout::rows, 2, 3, 3), skipping(Layout::every_other, 2, 3, 3);
  EXPECT_TRUE(gemm_form(fine.elements, fine.elements, fine.elements));
  EXPECT_FALSE(gemm_form(skipping.elements, fine.elements, fine.elements));
  EXPECT_FALSE(gemm_form(fine.elements, skipping.elements, fine.elements));
  Elements uneven = fine.elements;  // two batch dimensions that are not one
  uneven.rank = 4;
  const int64_t extent[] = {2, 2, 3, 3}, stride[] = {40, 9, 3, 1};
  std::copy_n(extent, 4, uneven.extent), std::copy_n(stride, 4, uneven.stride);
  EXPECT_FALSE(gemm_form(uneven, uneven, uneven));
}

}  // namespace
}  // namespace gradus
