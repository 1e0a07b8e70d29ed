// Shapes, dtypes, handles, views, conversions: what a tensor is before anything is computed with it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gradus/core/convert.h"
#include "gradus/core/error.h"
#include "gradus/core/tensor.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;

TEST(Shape, BroadcastsAsNumPyDoes) {
  EXPECT_EQ(text(broadcast("add", {2, 1, 3}, {5, 1})), "(2,5,3)");
  EXPECT_EQ(text(broadcast("add", {}, {4})), "(4)");
  EXPECT_EQ(text(broadcast("add", {0, 1}, {1, 3})), "(0,3)");
  EXPECT_EQ(error_of<ShapeError>([] { broadcast("add", {2, 3}, {4}); }),
            "add: shapes (2,3) and (4) do not broadcast, extents 3 and 4 differ; reshape one of them");
}

TEST(Shape, HasAtMostEightDimensions) {
  EXPECT_EQ(error_of<ShapeError>([] { Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; }),
            "shape: got more than 8 dimensions, a tensor has at most 8; flatten some");
}

TEST(Shape, DimensionsCountFromBothEnds) {
  EXPECT_EQ(dimension("sum", -1, 3), 2);
  EXPECT_EQ(dimension("sum", 0, 0), 0);
  EXPECT_EQ(error_of<IndexError>([] { dimension("sum", 2, 2); }),
            "sum: dim is 2, a tensor of 2 dimensions wants one in [-2, 2)");
}

TEST(TensorHandle, CopiesAliasAndClonesCopy) {
  Tensor a = tensor({1, 2, 3});
  const Tensor alias = a, copy = a.clone();
  a.set({1}, 9);
  EXPECT_EQ(alias.at({1}), 9);
  EXPECT_EQ(copy.at({1}), 2);
  EXPECT_TRUE(alias.same_storage(a));
  EXPECT_FALSE(copy.same_storage(a));
}

TEST(TensorHandle, AViewKeepsASmallTensorAlive) {
  Tensor view;
  {
    const Tensor t = tensor({{1, 2}, {3, 4}});
    view = transpose(t, 0, 1);
  }
  EXPECT_EQ(view.to_vector(), std::vector<double>({1, 3, 2, 4}));
  EXPECT_FALSE(view.is_contiguous());
}

TEST(TensorHandle, CountsVersionsOfSharedStorage) {
  Tensor a = tensor({1, 2});
  const Tensor view = reshape(a, {2, 1});
  const uint32_t before = view.version();
  a.set({0}, 5);
  EXPECT_EQ(view.version(), before + 1);
}

TEST(TensorHandle, ReadsAndRefuses) {
  const Tensor t = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(t.at({-1, 0}), 3);
  EXPECT_EQ(error_of<IndexError>([&] { (void)t.at({0, 2}); }), "at: index 2 in dimension 1 is outside [0, 2)");
  EXPECT_EQ(error_of<IndexError>([&] { (void)t.at({0}); }), "at: got 1 indices, a tensor of shape (2,2) wants 2");
  EXPECT_EQ(error_of<ShapeError>([&] { (void)t.item(); }),
            "item: got shape (2,2), wanted one element; reduce or index the tensor first");
  EXPECT_EQ(error_of<DtypeError>([&] { (void)t.data<double>(); }),
            "data: asked for float64, the tensor is float32; ask for its own type or convert it with to()");
}

TEST(TensorHandle, ZeroSizedTensorsAreFine) {
  const Tensor t = zeros({2, 0, 3});
  EXPECT_EQ(t.numel(), 0);
  EXPECT_TRUE(t.to_vector().empty());
  EXPECT_EQ(t.clone().shape(), t.shape());
}

TEST(TensorHandle, RefusesImpossibleShapes) {
  EXPECT_EQ(error_of<ShapeError>([] { Tensor({2, -1}); }), "tensor: got shape (2,-1), extents must not be negative");
  EXPECT_EQ(error_of<MemoryError>([] { Tensor({1 << 30, 1 << 30}); }),
            "tensor: shape (1073741824,1073741824) asks for more elements than a machine can hold; check the extents");
}

TEST(Factories, NestedListsGiveShapes) {
  EXPECT_EQ(text(tensor({1, 2, 3}).shape()), "(3)");
  EXPECT_EQ(text(tensor({{0.5}, {2}}).shape()), "(2,1)");
  EXPECT_EQ(text(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}).shape()), "(2,2,2)");
  EXPECT_EQ(error_of<ShapeError>([] { tensor({{1, 2}, {3}}); }),
            "tensor: got nested lists of shapes (2) and (1), wanted all alike; fill up the shorter one");
}

// Every float16 value through float and back, and rounding at the borders, against the definition.
TEST(Convert, Float16RoundTripsEveryValue) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half h{uint16_t(bits)};
    const float f = to_float(h);
    if (std::isnan(f)) EXPECT_TRUE(std::isnan(to_float(to_half(f))));
    else ASSERT_EQ(to_half(f).bits, h.bits) << bits;
  }
  EXPECT_EQ(to_half(65519.996f).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_half(0x1p-25f).bits, 0) << "half of the smallest subnormal ties to even";
  EXPECT_EQ(to_half(0x1.8p-25f).bits, 1);
  EXPECT_EQ(to_half(1.0f + 0x1p-11f).bits, 0x3c00) << "a tie goes to even";
  EXPECT_EQ(to_half(1.0f + 0x1.8p-10f).bits, 0x3c02);
}

TEST(Convert, BFloat16RoundsToNearestEven) {
  EXPECT_EQ(to_float(to_bfloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(to_float(to_bfloat16(1.0f + 0x1.8p-7f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(to_float(to_bfloat16(std::numeric_limits<float>::infinity())), std::numeric_limits<float>::infinity());
}

TEST(Tensor, WhereThereIsNoneEveryQuestionIsAnError) {
  const std::string none =
      "tensor: there is none, as where grad() was asked before backward() gave a leaf its gradient; ask defined() "
      "first";
  const Tensor x = ones({2}).requires_grad(true), g = x.grad();
  EXPECT_FALSE(g.defined());
  EXPECT_EQ(error_of<StateError>([&] { g.shape(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.numel(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.at({0}); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.item(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.to_vector(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.grad(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g.detach(); }), none);
  EXPECT_EQ(error_of<StateError>([&] { Tensor().requires_grad(true); }), none);
  EXPECT_EQ(error_of<StateError>([&] { g * 0.1; }), none);
  EXPECT_EQ(error_of<StateError>([&] { x + g; }), none);
  EXPECT_EQ(error_of<StateError>([&] { sum(g); }), none);
  EXPECT_EQ(error_of<StateError>([&] { matmul(x, g); }), none);
  EXPECT_EQ(error_of<StateError>([&] { relu(g); }), none);
  EXPECT_EQ(error_of<StateError>([&] { reshape(g, {2}); }), none);
}

TEST(Dense, CopiesEveryViewElementByElement) {
  Tensor x({2, 70, 45}, Dtype::float32);
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data<float>()[i] = float(i);
  const Tensor column = slice(x, 2, 7, 8), row = slice(x, 1, 3, 4);
  for (const Tensor& view : {transpose(x, 1, 2), transpose(x, 0, 2), permute(x, {2, 0, 1}), slice(x, 2, 3, 40),
                             slice(transpose(x, 1, 2), 2, 1, 70, 3), slice(transpose(x, 1, 2), 1, 2, 45, 2),
                             expand(column, {2, 70, 33}), expand(row, {2, 66, 45})})
    for (Dtype dtype : {Dtype::float32, Dtype::float64, Dtype::int64}) {
      const Tensor copy = to(dense(view), dtype), other = to(view, dtype);
      for (int64_t i = 0; i < view.shape()[0]; ++i)
        for (int64_t j = 0; j < view.shape()[1]; ++j)
          for (int64_t k = 0; k < view.shape()[2]; ++k) {
            ASSERT_EQ(copy.at({i, j, k}), view.at({i, j, k})) << text(view.shape()) << text(view.strides());
            ASSERT_EQ(other.at({i, j, k}), view.at({i, j, k})) << text(view.shape()) << text(view.strides());
          }
    }
}

}  // namespace
