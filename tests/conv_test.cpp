// Convolutions and pooling: values and sums of gradients against plain loops, sizes, error texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "gradus/core/error.h"
#include "gradus/ops/conv.h"
#include "gradus/ops/conv_cases.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

// What conv2d means, in seven loops.
Tensor conv_reference(const Tensor& x, const Tensor& w, const Tensor& b, const Conv2dOptions& o) {
  const int64_t images = x.size(0), height = x.size(2), width = x.size(3), filters = w.size(0), channels = w.size(1);
  const int64_t out_height =
      (height + 2 * o.padding.height - o.dilation.height * (w.size(2) - 1) - 1) / o.stride.height + 1;
  const int64_t out_width = (width + 2 * o.padding.width - o.dilation.width * (w.size(3) - 1) - 1) / o.stride.width + 1;
  Tensor out = zeros({images, filters, out_height, out_width}, Dtype::float64);
  for (int64_t n = 0; n < images; ++n)
    for (int64_t f = 0; f < filters; ++f)
      for (int64_t y = 0; y < out_height; ++y)
        for (int64_t x0 = 0; x0 < out_width; ++x0) {
          double total = b.defined() ? b.at({f}) : 0;
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t i = 0; i < w.size(2); ++i)
              for (int64_t j = 0; j < w.size(3); ++j) {
                const int64_t row = y * o.stride.height - o.padding.height + i * o.dilation.height;
                const int64_t column = x0 * o.stride.width - o.padding.width + j * o.dilation.width;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                total += w.at({f, c, i, j}) * x.at({n, f / (filters / o.groups) * channels + c, row, column});
              }
          out.set({n, f, y, x0}, total);
        }
  return out;
}

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(text(a.shape()), text(b.shape()));
  const auto x = a.to_vector(), y = b.to_vector();
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], tolerance * (1 + std::abs(y[i]))) << "element " << i;
}

TEST(Conv2d, AgreesWithPlainLoops) {
  for (const ConvCase& c : conv_cases)
    for (bool biased : {false, true}) {
      const Tensor x = random_tensor(c.x, 1), w = random_tensor(c.w, 2),
                   b = biased ? random_tensor({c.w[0]}, 3) : Tensor();
      expect_near(conv2d(x, w, b, c.options), conv_reference(x, w, b, c.options), 1e-13);
    }
}

TEST(Conv2d, AgreesWithPlainLoopsWhereBlocksAreMany) {
  const Conv2dOptions options = {.padding = 1};
  const Tensor x = random_tensor({2, 40, 30, 31}, 1, Dtype::float32),
               w = random_tensor({8, 40, 3, 3}, 2, Dtype::float32);
  expect_near(conv2d(x, w, {}, options), conv_reference(x, w, {}, options), 2e-5);
}

TEST(Conv2d, WeightGradientOfManyImagesIsTheSumOverImages) {
  const Shape shape = {4, 40, 3, 3};
  const Tensor x = random_tensor({37, 40, 12, 30}, 1), g = random_tensor({37, 4, 10, 28}, 2);
  const auto weight_gradient = [&](const Tensor& images, const Tensor& upstream) {
    const Tensor w = zeros(shape, Dtype::float64).requires_grad(true);
    return grad({conv2d(images, w)}, {w}, {upstream})[0];
  };
  const Tensor first = slice(x, 0, 0, 1), first_upstream = slice(g, 0, 0, 1);
  double tap = 0;  // of the first image, by its definition
  for (int64_t i = 0; i < 10; ++i)
    for (int64_t j = 0; j < 28; ++j) tap += g.at({0, 3, i, j}) * x.at({0, 7, i + 2, j + 1});
  EXPECT_NEAR(weight_gradient(first, first_upstream).at({3, 7, 2, 1}), tap, 1e-12);
  Tensor total = zeros(shape, Dtype::float64);
  for (int64_t n = 0; n < 37; ++n) total = add(total, weight_gradient(slice(x, 0, n, n + 1), slice(g, 0, n, n + 1)));
  expect_near(weight_gradient(x, g), total, 1e-12);
}

TEST(ConvTranspose2d, AgreesWithAddingEachPixelsKernel) {
  const ConvTranspose2dOptions options = {
      .stride = {2, 3}, .padding = {1, 0}, .output_padding = {1, 2}, .dilation = {1, 2}, .groups = 2};
  const Tensor x = random_tensor({2, 4, 3, 4}, 1), w = random_tensor({4, 3, 3, 2}, 2), b = random_tensor({6}, 3);
  const int64_t height = (3 - 1) * 2 - 2 * 1 + (3 - 1) + 1 + 1, width = (4 - 1) * 3 + 2 * (2 - 1) + 2 + 1;
  Tensor expected = zeros({2, 6, height, width}, Dtype::float64);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 6; ++o)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x0 = 0; x0 < width; ++x0) expected.set({n, o, y, x0}, b.at({o}));
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 4; ++c)
      for (int64_t o = 0; o < 3; ++o)
        for (int64_t y = 0; y < 3; ++y)
          for (int64_t x0 = 0; x0 < 4; ++x0)
            for (int64_t i = 0; i < 3; ++i)
              for (int64_t j = 0; j < 2; ++j) {
                const int64_t row = y * 2 - 1 + i, column = x0 * 3 + j * 2, channel = c / 2 * 3 + o;
                if (row < 0 || row >= height || column >= width) continue;
                expected.set({n, channel, row, column},
                             expected.at({n, channel, row, column}) + x.at({n, c, y, x0}) * w.at({c, o, i, j}));
              }
  expect_near(conv_transpose2d(x, w, b, options), expected, 1e-13);
}

TEST(Conv1d, IsConv2dOfOneRow) {
  const Tensor x = random_tensor({2, 4, 9}, 1), w = random_tensor({6, 2, 3}, 2), b = random_tensor({6}, 3);
  const Tensor expected = conv_reference(unsqueeze(x, 2), unsqueeze(w, 2), b,
                                         {.stride = {1, 2}, .padding = {0, 1}, .dilation = {1, 2}, .groups = 2});
  expect_near(conv1d(x, w, b, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2}), squeeze(expected, 2), 1e-13);
}

TEST(Conv2d, OutputSizeIsTheFloorOfTheRule) {
  for (int64_t size : {1, 2, 5, 8, 13})
    for (int64_t kernel : {1, 2, 3, 5})
      for (int64_t stride : {1, 2, 3})
        for (int64_t padding : {0, 1, 2})
          for (int64_t dilation : {1, 2, 3}) {
            const int64_t numerator = size + 2 * padding - dilation * (kernel - 1) - 1;
            const auto call = [&] {
              return conv2d(zeros({1, 1, size, 20}), zeros({1, 1, kernel, 1}), {},
                            {.stride = {stride, 1}, .padding = {padding, 0}, .dilation = {dilation, 1}});
            };
            if (numerator < 0) {
              EXPECT_THROW(call(), ShapeError);
            } else {
              EXPECT_EQ(call().size(2), int64_t(std::floor(double(numerator) / double(stride))) + 1);
              EXPECT_EQ(call().size(3), 20);
            }
          }
}

TEST(Conv2d, ErrorsSayWhatFits) {
  const Tensor x = zeros({2, 4, 8, 8}), w = zeros({8, 3, 3, 3});
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, w); }),
            "conv2d: input has shape (2,4,8,8) but weight has shape (8,3,3,3), wanted 3 input channels: 3 in each of 1 groups");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(zeros({4, 8, 8}), w); }),
            "conv2d: input has shape (4,8,8), wanted (N,C,H,W); reshape it");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, zeros({8, 4, 3})); }),
            "conv2d: weight has shape (8,4,3), wanted 4 dimensions");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, zeros({8, 4, 3, 3}), zeros({7})); }),
            "conv2d: bias has shape (7), wanted (8), one per output channel");
  EXPECT_EQ(error_of<DtypeError>([&] { conv2d(x, zeros({8, 4, 3, 3}, Dtype::float64)); }),
            "conv2d: weight is float64 but input is float32, wanted one dtype; convert one with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { conv2d(zeros({1, 1, 1, 1}, Dtype::int64), w); }),
            "conv2d: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, zeros({8, 4, 9, 3})); }),
            "conv2d: the kernel covers (9,3) but the padded input is (8,8), wanted an input at least as large; add "
            "padding or use a smaller kernel");
  EXPECT_EQ(error_of<ParamError>([&] { conv2d(x, zeros({8, 4, 3, 3}), {}, {.stride = 0}); }),
            "conv2d: stride is (0,0), wanted at least 1");
  EXPECT_EQ(error_of<ParamError>([&] { conv2d(x, zeros({8, 4, 3, 3}), {}, {.groups = 0}); }),
            "conv2d: groups is 0, wanted at least 1");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, zeros({8, 4, 3, 3}), {}, {.groups = 3}); }),
            "conv2d: 8 output channels do not divide into 3 groups; choose a divisor");
  EXPECT_EQ(error_of<ShapeError>([&] { conv1d(zeros({2, 4, 8}), zeros({8, 3, 3})); }),
            "conv1d: input has shape (2,4,8) but weight has shape (8,3,3), wanted 3 input channels: 3 in each of 1 groups");
  EXPECT_EQ(error_of<ShapeError>([&] { conv_transpose2d(x, zeros({3, 4, 3, 3})); }),
            "conv_transpose2d: weight has shape (3,4,3,3) but input has shape (2,4,8,8), wanted 3 input channels");
  EXPECT_EQ(
      error_of<ParamError>([&] { conv_transpose2d(x, zeros({4, 4, 3, 3}), {}, {.stride = 2, .output_padding = 2}); }),
      "conv_transpose2d: output padding (2,2) with stride (2,2) and dilation (1,1), wanted it smaller than one "
      "of them");
  EXPECT_EQ(
      error_of<ShapeError>([&] { conv_transpose2d(zeros({1, 4, 1, 1}), zeros({4, 4, 1, 1}), {}, {.padding = 1}); }),
      "conv_transpose2d: the output would be (-1,-1), wanted at least (1,1); use less padding");
}

// ---- pooling ------------------------------------------------------------------------------------

// Distinct values 0.3 apart, so that no difference quotient crosses a tie.
std::vector<double> shuffled_values(int64_t n, uint64_t seed) {
  std::vector<double> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) values[size_t(i)] = 0.3 * double(i - n / 2);
  std::shuffle(values.begin(), values.end(), std::mt19937_64(seed));
  return values;
}

Tensor max_pool_reference(const Tensor& x, Size2 kernel, Size2 stride, Size2 padding) {
  const int64_t out_height = (x.size(2) + 2 * padding.height - kernel.height) / stride.height + 1;
  const int64_t out_width = (x.size(3) + 2 * padding.width - kernel.width) / stride.width + 1;
  Tensor out = zeros({x.size(0), x.size(1), out_height, out_width}, Dtype::float64);
  for (int64_t n = 0; n < x.size(0); ++n)
    for (int64_t c = 0; c < x.size(1); ++c)
      for (int64_t y = 0; y < out_height; ++y)
        for (int64_t z = 0; z < out_width; ++z) {
          double best = -INFINITY;
          for (int64_t row = y * stride.height - padding.height;
               row < y * stride.height - padding.height + kernel.height; ++row)
            for (int64_t column = z * stride.width - padding.width;
                 column < z * stride.width - padding.width + kernel.width; ++column)
              if (row >= 0 && row < x.size(2) && column >= 0 && column < x.size(3))
                best = std::max(best, x.at({n, c, row, column}));
          out.set({n, c, y, z}, best);
        }
  return out;
}

struct PoolCase {
  Shape x;
  Size2 kernel, stride, padding;
};
const std::vector<PoolCase>& pool_cases() {
  static const std::vector<PoolCase> cases = {
      {{2, 3, 6, 6}, 2, 2, 0}, {{1, 2, 7, 5}, {3, 2}, {2, 1}, {1, 1}}, {{1, 1, 5, 9}, 3, {1, 3}, 1},
      {{2, 1, 4, 4}, 4, 4, 0}, {{1, 2, 5, 5}, {1, 5}, {2, 2}, {0, 2}}, {{1, 1, 6, 21}, {2, 3}, {2, 2}, 1},
  };
  return cases;
}

TEST(MaxPool2d, AgreesWithPlainLoops) {
  for (const PoolCase& c : pool_cases()) {
    const Tensor x = tensor(shuffled_values(c.x.numel(), 5), c.x, Dtype::float64);
    expect_near(max_pool2d(x, c.kernel, {.stride = c.stride, .padding = c.padding}),
                max_pool_reference(x, c.kernel, c.stride, c.padding), 0);
  }
}

TEST(MaxPool2d, FirstOfEqualValuesTakesTheGradient) {
  const Tensor x = full({1, 1, 2, 4}, 3).requires_grad(true);
  sum(max_pool2d(x, 2)).backward();
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{1, 0, 1, 0, 0, 0, 0, 0}));
}

TEST(MaxPool2d, NanUnderTheWindowIsTheResultAndNowhereElse) {
  const double nan = std::nan("");
  for (int at : {0, 1, 4, 5}) {
    std::vector<double> values = {1, 2, 9, 4, 5, 6, 7, 8};
    values[size_t(at)] = nan;
    const auto y = max_pool2d(tensor(values, {1, 1, 2, 4}), 2).to_vector();
    EXPECT_TRUE(std::isnan(y[0])) << at;
    EXPECT_EQ(y[1], 9);
  }
}

TEST(MaxPool2d, MinusInfinityIsAValueLikeAnyOther) {
  const Tensor x = full({1, 1, 2, 2}, -INFINITY).requires_grad(true);
  const Tensor y = max_pool2d(x, 2, {.stride = 1, .padding = 1});
  for (double v : y.to_vector()) EXPECT_EQ(v, -INFINITY);
  sum(y).backward();
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{4, 2, 2, 1}));
}

TEST(AvgPool2d, DividesByWhatCounts) {
  const Tensor x = tensor({1, 2, 3, 4}, {1, 1, 2, 2}, Dtype::float64);
  EXPECT_EQ(avg_pool2d(x, 2, {.padding = 1}).to_vector(), (std::vector<double>{0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(avg_pool2d(x, 2, {.padding = 1, .count_include_pad = false}).to_vector(),
            (std::vector<double>{1, 2, 3, 4}));
}

TEST(AdaptiveAvgPool2d, CoversEveryElement) {
  const Tensor x = tensor({1, 2, 3, 4, 5}, {1, 1, 1, 5}, Dtype::float64);
  EXPECT_EQ(adaptive_avg_pool2d(x, {1, 3}).to_vector(), (std::vector<double>{1.5, 3, 4.5}));
  EXPECT_EQ(adaptive_avg_pool2d(x, {1, 1}).to_vector(), (std::vector<double>{3}));
  EXPECT_EQ(adaptive_avg_pool2d(x, {2, 5}).to_vector(), (std::vector<double>{1, 2, 3, 4, 5, 1, 2, 3, 4, 5}));
}

TEST(Pool1d, IsPool2dOfOneRow) {
  const Tensor x = random_tensor({2, 3, 9}, 4);
  expect_near(max_pool1d(x, 3, {.stride = 2, .padding = 1}),
              squeeze(max_pool2d(unsqueeze(x, 2), {1, 3}, {.stride = {1, 2}, .padding = {0, 1}}), 2), 0);
  expect_near(avg_pool1d(x, 3), squeeze(avg_pool2d(unsqueeze(x, 2), {1, 3}), 2), 0);
}

TEST(Pooling, ErrorsSayWhatFits) {
  const Tensor x = zeros({1, 1, 4, 4});
  EXPECT_EQ(error_of<ParamError>([&] { max_pool2d(x, 2, {.padding = 2}); }),
            "max_pool2d: padding (2,2) is more than half the kernel (2,2); a window would see padding alone");
  EXPECT_EQ(error_of<ShapeError>([&] { avg_pool2d(x, 5); }),
            "avg_pool2d: the kernel covers (5,5) but the padded input is (4,4), wanted an input at least as large; add "
            "padding or use a smaller kernel");
  EXPECT_EQ(error_of<ShapeError>([&] { max_pool1d(x, 2); }),
            "max_pool1d: input has shape (1,1,4,4), wanted (N,C,L); reshape it");
  EXPECT_EQ(error_of<ParamError>([&] { adaptive_avg_pool2d(x, 0); }),
            "adaptive_avg_pool2d: output size is (0,0), wanted at least (1,1)");
}

}  // namespace
}  // namespace gradus
