// Normalisation layers: values and running statistics against their definition.
#include "gradus/ops/normalize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/core/error.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

// (x - mean) / sqrt(variance + eps) for element k of a group, from the definition; group_of names each element's group.
std::vector<double> normalized_reference(const std::vector<double>& x, const std::function<int64_t(int64_t)>& group_of,
                                         double eps) {
  std::vector<double> out;
  for (int64_t i = 0; i < int64_t(x.size()); ++i) {
    double sum = 0, squares = 0, count = 0;
    for (int64_t k = 0; k < int64_t(x.size()); ++k)
      if (group_of(k) == group_of(i)) sum += x[size_t(k)], ++count;
    for (int64_t k = 0; k < int64_t(x.size()); ++k)
      if (group_of(k) == group_of(i)) squares += std::pow(x[size_t(k)] - sum / count, 2);
    out.push_back((x[size_t(i)] - sum / count) / std::sqrt(squares / count + eps));
  }
  return out;
}

void expect_affine(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& b,
                   const std::function<int64_t(int64_t)>& group_of, const std::function<int64_t(int64_t)>& channel_of) {
  const auto expected = normalized_reference(x.to_vector(), group_of, 1e-5), got = y.to_vector(), ws = w.to_vector(),
             bs = b.to_vector();
  for (size_t i = 0; i < got.size(); ++i) {
    const size_t c = size_t(channel_of(int64_t(i)));
    ASSERT_NEAR(got[i], expected[i] * ws[c] + bs[c], 1e-12) << "element " << i;
  }
}

TEST(BatchNorm, AgreesWithItsDefinition) {
  for (const Shape& shape : {Shape{4, 3, 2, 5}, Shape{5, 3}, Shape{2, 3, 7}, Shape{2, 1, 1, 1}, Shape{1, 2, 3}}) {
    const Tensor x = random_tensor(shape, 1), w = random_tensor({shape[1]}, 2), b = random_tensor({shape[1]}, 3);
    const int64_t spread = shape.numel() / shape[0] / shape[1];
    const auto channel = [=](int64_t i) { return i / spread % shape[1]; };
    expect_affine(batch_norm(x, w, b, {}, {}), x, w, b, channel, channel);
  }
}

TEST(BatchNorm, MovesTheRunningStatisticsTowardsTheBatch) {
  const Tensor x =
      tensor({1, 2, 3, 6, 10, 10, 10, 14}, {2, 2, 2}, Dtype::float64);  // channel 0: 1 2 10 10; channel 1: 3 6 10 14
  Tensor mean = tensor({1, 2}, {2}, Dtype::float64), variance = tensor({1, 1}, {2}, Dtype::float64);
  batch_norm(x, {}, {}, mean, variance, {.momentum = 0.25});
  EXPECT_NEAR(mean.at({0}), 0.75 * 1 + 0.25 * 5.75, 1e-14);
  EXPECT_NEAR(mean.at({1}), 0.75 * 2 + 0.25 * 8.25, 1e-14);
  const double unbiased0 = (4.75 * 4.75 + 3.75 * 3.75 + 2 * 4.25 * 4.25) / 3,
               unbiased1 = (5.25 * 5.25 + 2.25 * 2.25 + 1.75 * 1.75 + 5.75 * 5.75) / 3;
  EXPECT_NEAR(variance.at({0}), 0.75 + 0.25 * unbiased0, 1e-13);
  EXPECT_NEAR(variance.at({1}), 0.75 + 0.25 * unbiased1, 1e-13);
}

TEST(BatchNorm, OutsideTrainingUsesTheRunningStatisticsAndLeavesThem) {
  const Tensor x = random_tensor({3, 2, 2}, 1), mean = tensor({0.5, -1}, {2}, Dtype::float64),
               variance = tensor({4, 0.25}, {2}, Dtype::float64);
  const auto y = batch_norm(x, {}, {}, mean, variance, {.training = false, .eps = 0}).to_vector(), xs = x.to_vector();
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], i / 2 % 2 ? (xs[i] + 1) / 0.5 : (xs[i] - 0.5) / 2, 1e-14);
  EXPECT_EQ(mean.to_vector(), (std::vector<double>{0.5, -1}));
}

TEST(LayerNorm, AgreesWithItsDefinition) {
  for (const Shape& shape : {Shape{4, 6}, Shape{2, 3, 5}, Shape{3, 1}, Shape{7}}) {
    const Shape last = {shape.back()};
    const Tensor x = random_tensor(shape, 1), w = random_tensor(last, 2), b = random_tensor(last, 3);
    expect_affine(
        layer_norm(x, last, w, b), x, w, b, [=](int64_t i) { return i / shape.back(); },
        [=](int64_t i) { return i % shape.back(); });
  }
  const Tensor x = random_tensor({2, 3, 4}, 1), w = random_tensor({3, 4}, 2), b = random_tensor({3, 4}, 3);
  expect_affine(
      layer_norm(x, {3, 4}, w, b), x, w, b, [](int64_t i) { return i / 12; }, [](int64_t i) { return i % 12; });
}

TEST(GroupNorm, AgreesWithItsDefinition) {
  for (const Shape& shape : {Shape{2, 4, 3}, Shape{3, 6, 2, 2}, Shape{2, 4}, Shape{2, 2}}) {
    const Tensor x = random_tensor(shape, 1), w = random_tensor({shape[1]}, 2), b = random_tensor({shape[1]}, 3);
    const int64_t image = shape.numel() / shape[0], spread = image / shape[1];
    expect_affine(
        group_norm(x, 2, w, b), x, w, b, [=](int64_t i) { return i / (image / 2); },
        [=](int64_t i) { return i / spread % shape[1]; });
  }
}

TEST(Normalize, FarFromZeroKeepsItsDigits) {
  std::vector<double> values;
  for (int i = 0; i < 64; ++i) values.push_back(10000 + (i % 2 ? 0.5 : -0.5));
  for (double y : layer_norm(tensor(values, {64}), {64}).to_vector()) EXPECT_NEAR(std::abs(y), 1, 1e-4);
}

TEST(Normalize, NothingInNothingOut) {
  EXPECT_EQ(layer_norm(zeros({0, 3}), {3}).numel(), 0);
  EXPECT_EQ(group_norm(zeros({0, 4, 2}), 2).numel(), 0);
  Tensor w = ones({3}).requires_grad(true);
  sum(layer_norm(zeros({0, 3}), {3}, w)).backward();
  EXPECT_EQ(w.grad().to_vector(), (std::vector<double>{0, 0, 0}));
}

TEST(Normalize, ErrorsSayWhatFits) {
  const Tensor x = zeros({2, 4, 3});
  EXPECT_EQ(error_of<ShapeError>([&] { batch_norm(x, zeros({3}), {}, {}, {}); }),
            "batch_norm: weight has shape (3), wanted (4)");
  EXPECT_EQ(error_of<StateError>([&] { batch_norm(x, {}, {}, {}, {}, {.training = false}); }),
            "batch_norm: no running statistics were given outside training; pass them or set training");
  EXPECT_EQ(error_of<ShapeError>([&] { batch_norm(zeros({1, 4}), {}, {}, {}, {}); }),
            "batch_norm: input has shape (1,4), wanted more than one value per channel in training");
  EXPECT_EQ(error_of<ShapeError>([&] { layer_norm(x, {4}); }),
            "layer_norm: input has shape (2,4,3), wanted one that ends in (4)");
  EXPECT_EQ(error_of<ParamError>([&] { group_norm(x, 3); }),
            "group_norm: 4 channels do not divide into 3 groups; choose a divisor");
}

}  // namespace
}  // namespace gradus
