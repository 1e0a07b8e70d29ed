// Indexing, masks and sorting: values against plain loops, error texts.
#include "gradus/ops/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gradus/core/error.h"
#include "gradus/ops/sort.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

Tensor indices(const std::vector<int64_t>& values, const Shape& shape) { return from_data(values.data(), shape); }
Tensor mask(const std::vector<int>& values, const Shape& shape) {
  Tensor t(shape, Dtype::boolean);
  for (size_t i = 0; i < values.size(); ++i) t.mutable_data<bool>()[i] = values[i] != 0;
  return t;
}

TEST(IndexSelect, TakesSlices) {
  const Tensor x = random_tensor({2, 3, 4}, 1), at = labels({2, 0, 2});
  for (int64_t dim = 0; dim < 3; ++dim) {
    if (dim == 0) continue;  // extent 2
    const Tensor y = index_select(x, dim, at);
    for (int64_t i = 0; i < y.size(0); ++i)
      for (int64_t j = 0; j < y.size(1); ++j)
        for (int64_t k = 0; k < y.size(2); ++k)
          ASSERT_EQ(y.at({i, j, k}),
                    dim == 1 ? x.at({i, at.data<int64_t>()[j], k}) : x.at({i, j, at.data<int64_t>()[k]}));
  }
  EXPECT_EQ(index_select(labels({5, 6, 7}), 0, labels({2, 1})).to_vector(), (std::vector<double>{7, 6}));
  EXPECT_EQ(index_select(x, 0, labels({})).numel(), 0);
}

TEST(IndexAdd, AddsInTheOrderOfTheIndex) {
  const Tensor y = index_add(zeros({3, 2}), 0, labels({1, 1, 2}), tensor({1, 2, 3, 4, 5, 6}, {3, 2}));
  EXPECT_EQ(y.to_vector(), (std::vector<double>{0, 0, 4, 6, 5, 6}));
}

TEST(Gather, FollowsTheIndexAlongOneDimension) {
  const Tensor x = random_tensor({3, 4}, 1), at = indices({0, 3, 2, 1}, {2, 2});
  EXPECT_EQ(gather(x, 1, at).to_vector(),
            (std::vector<double>{x.at({0, 0}), x.at({0, 3}), x.at({1, 2}), x.at({1, 1})}));
  const Tensor down = indices({2, 0, 1, 1}, {2, 2});
  EXPECT_EQ(gather(x, 0, down).to_vector(),
            (std::vector<double>{x.at({2, 0}), x.at({0, 1}), x.at({1, 0}), x.at({1, 1})}));
}

TEST(ScatterAdd, IsTheAdjointOfGather) {
  const Tensor x = random_tensor({3, 4, 2}, 1), at = indices({0, 3, 3, 1, 2, 2, 0, 0}, {2, 2, 2}),
               g = random_tensor({2, 2, 2}, 2);
  const double forward = sum(mul(gather(x, 1, at), g)).item();
  const double adjoint = sum(mul(x, scatter_add(zeros(x.shape(), Dtype::float64), 1, at, g))).item();
  EXPECT_NEAR(forward, adjoint, 1e-13);
}

TEST(Masks, FillAndSelect) {
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3}), columns = mask({1, 0, 1}, {3});
  EXPECT_EQ(masked_fill(x, columns, -1).to_vector(), (std::vector<double>{-1, 2, -1, -1, 5, -1}));
  EXPECT_EQ(masked_select(x, columns).to_vector(), (std::vector<double>{1, 3, 4, 6}));
  EXPECT_EQ(masked_select(x, mask({0, 1}, {2, 1})).to_vector(), (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(masked_select(x, mask({0}, {1})).numel(), 0);
  EXPECT_EQ(masked_fill(labels({1, 2, 3}), columns, 9).to_vector(), (std::vector<double>{9, 2, 9}));
}

TEST(Masks, AHiddenNanHasNoGradient) {
  const Tensor x = tensor({1, NAN}, {2}).requires_grad(true);
  const Tensor filled = masked_fill(x, mask({0, 1}, {2}), 0);
  sum(mul(filled, filled)).backward();
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{2, 0}));
}

TEST(OneHot, MarksTheLabel) {
  EXPECT_EQ(one_hot(labels({2, 0}), 3).to_vector(), (std::vector<double>{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(one_hot(labels({1}), 2, Dtype::float32).dtype(), Dtype::float32);
  EXPECT_EQ(error_of<IndexError>([] { one_hot(labels({0, 3}), 3); }),
            "one_hot: label 3 at position 1 is outside [0, 3)");
}

TEST(Indexing, AnIndexOverwrittenBeforeBackwardIsNamed) {
  const Tensor x = zeros({3}).requires_grad(true);
  Tensor at = labels({2, 0});
  const Tensor y = sum(index_select(x, 0, at));
  at.set({0}, 100);
  EXPECT_THROW(y.backward(), StateError);
}

TEST(Indexing, ErrorsSayWhatFits) {
  const Tensor x = zeros({3, 4});
  EXPECT_EQ(error_of<IndexError>([&] { index_select(x, 0, labels({1, 3})); }),
            "index_select: index 3 at position 1 is outside [0, 3)");
  EXPECT_EQ(error_of<IndexError>([&] { index_select(x, 0, labels({-1})); }),
            "index_select: index -1 at position 0 is outside [0, 3)");
  EXPECT_EQ(error_of<DtypeError>([&] { index_select(x, 0, zeros({1})); }),
            "index_select: index is float32, wanted int64; convert it with to()");
  EXPECT_EQ(error_of<ShapeError>([&] { index_select(x, 0, indices({0}, {1, 1})); }),
            "index_select: index has shape (1,1), wanted a vector");
  EXPECT_EQ(
      error_of<ShapeError>([&] { gather(x, 1, indices({0, 0, 0, 0}, {4, 1})); }),
      "gather: index has shape (4,1) but input has shape (3,4), wanted no extent larger than the input's but in dim 1");
  EXPECT_EQ(error_of<ShapeError>([&] { scatter_add(x, 1, indices({0}, {1, 1}), zeros({1, 2})); }),
            "scatter_add: source has shape (1,2) but index has shape (1,1), wanted one shape; slice the source");
  EXPECT_EQ(error_of<ShapeError>([&] { index_add(x, 0, labels({0}), zeros({2, 4})); }),
            "index_add: source has shape (2,4), wanted (1,4): the input's (3,4) with 1 indices in dim 0");
  EXPECT_EQ(error_of<DtypeError>([&] { masked_fill(x, zeros({4}), 0); }),
            "masked_fill: mask is float32, wanted bool; convert it with to()");
  EXPECT_EQ(error_of<ShapeError>([&] { masked_fill(zeros({1, 4}), mask({1, 1}, {2, 1}), 0); }),
            "masked_fill: mask has shape (2,1) but input has shape (1,4), wanted a mask that broadcasts to the input; "
            "expand the input");
}

// ---- sorting ------------------------------------------------------------------------------------

TEST(Sort, OrdersStablyWithNanLargest) {
  const Tensor x = tensor({2, NAN, 1, 2, -INFINITY, INFINITY}, {6});
  EXPECT_EQ(sort(x).indices.to_vector(), (std::vector<double>{4, 2, 0, 3, 5, 1}));
  EXPECT_EQ(sort(x, 0, true).indices.to_vector(), (std::vector<double>{1, 5, 0, 3, 2, 4}));
  EXPECT_EQ(argsort(x).to_vector(), sort(x).indices.to_vector());
  const Tensor nans = tensor({NAN, 1, NAN, 0, NAN}, {5});
  EXPECT_EQ(argsort(nans).to_vector(), (std::vector<double>{3, 1, 0, 2, 4}));
  EXPECT_EQ(argsort(nans, 0, true).to_vector(), (std::vector<double>{0, 2, 4, 1, 3}));
}

TEST(Sort, WorksAlongAnyDimensionAndDtype) {
  const Tensor x = random_tensor({3, 4, 5}, 1);
  for (int64_t dim = 0; dim < 3; ++dim) {
    const auto [values, at] = sort(x, dim);
    const Tensor lines = transpose(values, dim, 2).contiguous(), before = transpose(x, dim, 2).contiguous();
    for (int64_t i = 0; i < lines.size(0); ++i)
      for (int64_t j = 0; j < lines.size(1); ++j) {
        std::vector<double> expected;
        for (int64_t k = 0; k < lines.size(2); ++k) expected.push_back(before.at({i, j, k}));
        std::sort(expected.begin(), expected.end());
        for (int64_t k = 0; k < lines.size(2); ++k) ASSERT_EQ(lines.at({i, j, k}), expected[size_t(k)]);
      }
    ASSERT_EQ(gather(x, dim, at).to_vector(), values.to_vector());
  }
  EXPECT_EQ(sort(labels({3, 1, 2}), 0, true).values.to_vector(), (std::vector<double>{3, 2, 1}));
  EXPECT_EQ(sort(scalar(4)).values.item(), 4);
  EXPECT_EQ(sort(zeros({0})).values.numel(), 0);
}

TEST(TopK, TakesTheLargestOrSmallest) {
  const Tensor x = tensor({3, 1, 4, 1, 5, NAN, 4, 2}, {2, 4});
  EXPECT_EQ(topk(x, 2).indices.to_vector(), (std::vector<double>{2, 0, 1, 0}));
  EXPECT_EQ(topk(x, 2, 1, false).indices.to_vector(), (std::vector<double>{1, 3, 3, 2}));
  EXPECT_EQ(topk(x, 1, 0).indices.to_vector(), (std::vector<double>{1, 1, 0, 1}));
  EXPECT_EQ(topk(x, 0).values.numel(), 0);
  EXPECT_EQ(error_of<ParamError>([&] { topk(x, 5); }), "topk: k is 5, wanted 0 to 4, the extent of dim 1");
}

}  // namespace
}  // namespace gradus
