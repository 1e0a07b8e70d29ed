// Ops on images and layers' small parts: interpolate, unfold and fold, dropout, embedding.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/ops/dropout.h"
#include "gradus/ops/embedding.h"
#include "gradus/ops/interpolate.h"
#include "gradus/ops/unfold.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

// ---- interpolate --------------------------------------------------------------------------------

double bilinear_reference(const Tensor& x, int64_t n, int64_t c, double row, double column) {
  const auto weight = [](double at, int64_t i) { return std::max(0.0, 1 - std::abs(at - double(i))); };
  const double r = std::clamp(row, 0.0, double(x.size(2) - 1)), q = std::clamp(column, 0.0, double(x.size(3) - 1));
  double total = 0;
  for (int64_t i = 0; i < x.size(2); ++i)
    for (int64_t j = 0; j < x.size(3); ++j) total += weight(r, i) * weight(q, j) * x.at({n, c, i, j});
  return total;
}

TEST(Interpolate, BilinearAgreesWithTentWeights) {
  for (const Size2 from : {Size2(3, 4), Size2(1, 5), Size2(7, 2)})
    for (const Size2 to : {Size2(3, 4), Size2(6, 8), Size2(2, 3), Size2(1, 1), Size2(5, 1)})
      for (bool align : {false, true}) {
        const Tensor x = random_tensor({2, 2, from.height, from.width}, 1);
        const Tensor y = interpolate(x, to, Interpolation::bilinear, align);
        const auto source = [&](int64_t o, int64_t n, int64_t m) {
          if (align) return m == 1 ? 0.0 : double(o) * double(n - 1) / double(m - 1);
          return (double(o) + 0.5) * double(n) / double(m) - 0.5;
        };
        for (int64_t i = 0; i < to.height; ++i)
          for (int64_t j = 0; j < to.width; ++j)
            ASSERT_NEAR(y.at({1, 1, i, j}),
                        bilinear_reference(x, 1, 1, source(i, from.height, to.height), source(j, from.width, to.width)),
                        1e-13);
      }
}

TEST(Interpolate, NearestTakesThePixelBelow) {
  const Tensor x = tensor({0, 1, 2}, {1, 1, 1, 3});
  EXPECT_EQ(interpolate(x, {1, 7}).to_vector(), (std::vector<double>{0, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(interpolate(x, {2, 2}).to_vector(), (std::vector<double>{0, 1, 0, 1}));
}

TEST(Interpolate, InfinityStaysWhereItIs) {
  const Tensor x = tensor({INFINITY, 1, 2}, {1, 1, 1, 3});
  EXPECT_EQ(interpolate(x, {1, 3}, Interpolation::bilinear).to_vector(), (std::vector<double>{INFINITY, 1, 2}));
}

// ---- unfold and fold ----------------------------------------------------------------------------

TEST(Unfold, EachColumnIsAPatch) {
  const UnfoldOptions options = {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}};
  const Tensor x = random_tensor({2, 3, 5, 4}, 1), y = unfold(x, {3, 2}, options);
  ASSERT_EQ(text(y.shape()), "(2,18,18)");
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 2; ++j)
          for (int64_t l = 0; l < 18; ++l) {
            const int64_t row = l / 6 * 2 - 1 + i, column = l % 6 - 2 + j * 2;
            const bool inside = row >= 0 && row < 5 && column >= 0 && column < 4;
            ASSERT_EQ(y.at({n, (c * 3 + i) * 2 + j, l}), inside ? x.at({n, c, row, column}) : 0);
          }
}

TEST(Fold, CountsHowOftenEachPixelIsSeen) {
  EXPECT_EQ(fold(ones({1, 4, 4}), {3, 3}, 2).to_vector(), (std::vector<double>{1, 2, 1, 2, 4, 2, 1, 2, 1}));
}

// ---- dropout ------------------------------------------------------------------------------------

TEST(Dropout, KeepsTheExpectedShareAndScalesIt) {
  Generator generator(3);
  const int64_t n = 100000;
  int64_t kept = 0;
  for (double v : dropout(ones({n}), 0.3, true, generator).to_vector()) {
    ASSERT_TRUE(v == 0 || v == double(float(1 / 0.7)));
    kept += v != 0;
  }
  EXPECT_NEAR(double(kept) / double(n), 0.7, 4 * std::sqrt(0.3 * 0.7 / double(n)));
}

TEST(Dropout, TheSameStreamDropsTheSameElements) {
  Generator a(5), b(5);
  const Tensor x = ones({1000});
  EXPECT_EQ(dropout(x, 0.5, true, a).to_vector(), dropout(x, 0.5, true, b).to_vector());
  EXPECT_NE(dropout(x, 0.5, true, a).to_vector(), dropout(x, 0.5, true, a).to_vector());
}

TEST(Dropout, LeavesTheInputAloneOutsideTraining) {
  Generator generator(3);
  const Tensor x = random_tensor({10}, 1);
  EXPECT_EQ(dropout(x, 0.5, false, generator).to_vector(), x.to_vector());
  EXPECT_EQ(dropout(x, 0, true, generator).to_vector(), x.to_vector());
  EXPECT_EQ(generator.stream(), 0u);
  EXPECT_EQ(dropout(x, 1, true, generator).to_vector(), std::vector<double>(10, 0));
}

TEST(Dropout, ErrorsSayWhatFits) {
  EXPECT_EQ(error_of<ParamError>([] { dropout(zeros({1}), 1.5, true); }),
            "dropout: p is 1.5, wanted a probability from 0 to 1");
}

// ---- embedding ----------------------------------------------------------------------------------

TEST(Embedding, LooksUpRowsAndAddsTheirGradients) {
  const Tensor w = random_tensor({4, 3}, 1).requires_grad(true),
               at = from_data(std::vector<int64_t>{2, 0, 2, 3}.data(), {2, 2});
  const Tensor y = embedding(w, at, 3);
  ASSERT_EQ(text(y.shape()), "(2,2,3)");
  for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(y.at({1, 0, c}), w.at({2, c}));
  const Tensor g = random_tensor({2, 2, 3}, 2);
  y.backward(g);
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(w.grad().at({0, c}), g.at({0, 1, c}));
    EXPECT_EQ(w.grad().at({1, c}), 0);
    EXPECT_EQ(w.grad().at({2, c}), g.at({0, 0, c}) + g.at({1, 0, c}));
    EXPECT_EQ(w.grad().at({3, c}), 0) << "the padding's row";
  }
}

TEST(Embedding, ErrorsSayWhatFits) {
  EXPECT_EQ(error_of<IndexError>([] { embedding(zeros({4, 3}), labels({1, 4})); }),
            "embedding: index 4 at position 1 is outside [0, 4)");
  EXPECT_EQ(error_of<IndexError>([] { embedding(zeros({4, 3}), labels({1}), 4); }),
            "embedding: padding index 4 is outside [0, 4)");
  EXPECT_EQ(error_of<DtypeError>([] { embedding(zeros({4, 3}), zeros({2})); }),
            "embedding: index is float32, wanted int64; convert it with to()");
}

TEST(Interpolate, ErrorsSayWhatFits) {
  EXPECT_EQ(error_of<ParamError>([] { interpolate(zeros({1, 1, 2, 2}), 0); }),
            "interpolate: size is (0,0), wanted at least (1,1)");
  EXPECT_EQ(error_of<ParamError>([] { interpolate(zeros({1, 1, 2, 2}), 2, Interpolation::nearest, true); }),
            "interpolate: align_corners is set for nearest, wanted it with bilinear only");
  EXPECT_EQ(error_of<ShapeError>([] { fold(zeros({1, 3, 4}), 3, 2); }),
            "fold: columns have shape (1,3,4), wanted (N, a multiple of 4, 4) for image (3,3) and kernel (2,2)");
}

}  // namespace
}  // namespace gradus
