// Views and rearrangements: which element goes where, gradients against differences, error texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "gradus/core/error.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

// 0, 1, 2 … in this shape.
Tensor counted(const Shape& shape) {
  std::vector<double> values(size_t(shape.numel()));
  std::iota(values.begin(), values.end(), 0);
  return tensor(values, shape);
}

TEST(Reshape, SeesThroughStridesOnlyWhereThatIsRight) {
  const Tensor part = slice(counted({3, 1, 5}), 2, 0, 2);  // (3,1,2): the extent 1 hides a gap
  EXPECT_EQ(reshape(part, {6}).to_vector(), (std::vector<double>{0, 1, 5, 6, 10, 11}));
  EXPECT_FALSE(reshape(part, {6}).same_storage(part));
  EXPECT_TRUE(reshape(part, {3, 2}).same_storage(part));
  const Tensor turned = transpose(counted({2, 3}), 0, 1);
  EXPECT_EQ(reshape(turned, {2, 3}).to_vector(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  const Tensor rows = slice(counted({4, 6}), 0, 0, 4, 2);  // (2,6): rows are dense
  EXPECT_TRUE(reshape(rows, {2, 2, 3}).same_storage(rows));
  EXPECT_EQ(reshape(rows, {2, 2, 3}).to_vector(), rows.to_vector());
}

TEST(Reshape, ExtentsOfOneHideNoView) {
  const Tensor spaced = slice(counted({1, 2, 6}), 2, 0, 6, 2);  // (1,2,3), every second element
  for (const Tensor& x : {spaced, transpose(spaced, 0, 1)}) {
    EXPECT_TRUE(reshape(x, {6}).same_storage(x));
    EXPECT_EQ(reshape(x, {6}).to_vector(), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  }
}

TEST(Reshape, EveryWayOfCuttingAgreesWithACopy) {
  for (const Shape& from : {Shape{2, 3, 4}, Shape{4, 1, 6}, Shape{1, 24, 1}, Shape{2, 2, 6}})
    for (const Layout layout : {Layout::reversed, Layout::spaced})
      for (const Shape& to : {Shape{24}, Shape{4, 6}, Shape{2, 12}, Shape{6, 1, 4}, Shape{2, 3, 2, 2}, Shape{3, 8}}) {
        const Tensor x = in_memory_as(layout, counted(from).to_vector(), from, Dtype::float64);
        EXPECT_EQ(reshape(x, to).to_vector(), x.to_vector()) << text(from) << " to " << text(to);
      }
}

TEST(View, IsAViewOrAnError) {
  const Tensor x = counted({2, 6});
  EXPECT_TRUE(view(x, {3, -1}).same_storage(x));
  EXPECT_EQ(text(view(x, {3, -1}).shape()), "(3,4)");
  EXPECT_EQ(error_of<ShapeError>([&] { view(transpose(x, 0, 1), {12}); }),
            "view: float32 (6,2) with strides (1,6) cannot be seen as (12) without a copy; use reshape() instead");
}

TEST(Slice, TakesWhatPythonTakes) {
  const Tensor x = counted({7});
  EXPECT_EQ(slice(x, 0, 1, 6, 2).to_vector(), (std::vector<double>{1, 3, 5}));
  EXPECT_EQ(slice(x, 0, -3).to_vector(), (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(slice(x, 0, -100, -5).to_vector(), (std::vector<double>{0, 1}));
  EXPECT_EQ(slice(x, 0, 5, 2).numel(), 0);
  EXPECT_EQ(slice(x, 0, 9, 12).numel(), 0);
  EXPECT_EQ(slice(x, 0, 0, 7, 100).to_vector(), (std::vector<double>{0}));
  EXPECT_TRUE(slice(x, 0, 2).same_storage(x));
  EXPECT_EQ(error_of<ParamError>([&] { slice(x, 0, 0, 3, -1); }),
            "slice: step -1 is not positive; flip() reverses a dimension");
}

TEST(Select, TakesOneIndex) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(select(x, 1, -1).to_vector(), (std::vector<double>{2, 5}));
  EXPECT_EQ(select(x, 0, 1).to_vector(), (std::vector<double>{3, 4, 5}));
  EXPECT_EQ(error_of<IndexError>([&] { select(x, 1, 3); }),
            "select: index 3 in dim 1 of float32 (2,3) is outside [0, 3)");
}

TEST(Permute, MovesDimensions) {
  const Tensor x = counted({2, 3, 4}), y = permute(x, {2, 0, -2});
  ASSERT_EQ(text(y.shape()), "(4,2,3)");
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(y.at({k, i, j}), x.at({i, j, k}));
  EXPECT_EQ(error_of<ShapeError>([&] { permute(x, {0, 0, 1}); }),
            "permute: got dims (0,0,1) for float32 (2,3,4), wanted each of its 3 dimensions once");
}

TEST(Views, ChangeShapesAsNamed) {
  const Tensor x = counted({2, 1, 3, 1});
  EXPECT_EQ(text(squeeze(x).shape()), "(2,3)");
  EXPECT_EQ(text(squeeze(x, 1).shape()), "(2,3,1)");
  EXPECT_EQ(text(squeeze(x, 0).shape()), "(2,1,3,1)");
  EXPECT_EQ(text(unsqueeze(x, -1).shape()), "(2,1,3,1,1)");
  EXPECT_EQ(text(unsqueeze(x, 0).shape()), "(1,2,1,3,1)");
  EXPECT_EQ(text(flatten(x).shape()), "(6)");
  EXPECT_EQ(text(flatten(x, 1).shape()), "(2,3)");
  EXPECT_EQ(text(flatten(x, 0, 2).shape()), "(6,1)");
  EXPECT_EQ(text(flatten(scalar(1)).shape()), "(1)");
  EXPECT_EQ(text(unsqueeze(scalar(1), 0).shape()), "(1)");
  EXPECT_EQ(diagonal(counted({3, 4})).to_vector(), (std::vector<double>{0, 5, 10}));
}

TEST(Split, CutsIntoPieces) {
  const std::vector<Tensor> pieces = split(counted({5, 2}), 2);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[2].to_vector(), (std::vector<double>{8, 9}));
  EXPECT_EQ(split(counted({2, 5}), std::vector<int64_t>{1, 4}, 1)[1].to_vector(),
            (std::vector<double>{1, 2, 3, 4, 6, 7, 8, 9}));
  EXPECT_EQ(error_of<ShapeError>([] { split(zeros({5}), std::vector<int64_t>{2, 2}); }),
            "split: the sizes sum to 4, wanted sizes >= 0 that sum to 5, the extent of dim 0 of float32 (5)");
}

TEST(Concat, PutsTensorsBehindEachOther) {
  const Tensor a = counted({2, 2}), b = counted({2, 3});
  EXPECT_EQ(concat({a, b}, 1).to_vector(), (std::vector<double>{0, 1, 0, 1, 2, 2, 3, 3, 4, 5}));
  EXPECT_EQ(concat({a, zeros({0, 2}), a}).to_vector(), (std::vector<double>{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(stack({a, a}, 2).to_vector(), (std::vector<double>{0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(text(stack({a, a}, -1).shape()), "(2,2,2)");
  EXPECT_EQ(error_of<ShapeError>([&] { concat({a, b}); }),
            "concat: tensor 1 has shape (2,3) but tensor 0 has shape (2,2), wanted equal extents but in dim 0");
  EXPECT_EQ(error_of<ShapeError>([&] { stack({a, b}); }),
            "stack: tensor 1 has shape (2,3) but tensor 0 has shape (2,2), wanted one shape");
  EXPECT_EQ(error_of<ParamError>([] { concat({}); }), "concat: got no tensors, wanted at least one");
}

TEST(Pad, AddsAroundAndCrops) {
  const Tensor x = counted({2, 2});
  EXPECT_EQ(pad(x, {1, 0}, 9).to_vector(), (std::vector<double>{9, 0, 1, 9, 2, 3}));
  EXPECT_EQ(pad(x, {0, 1, 1, 0}).to_vector(), (std::vector<double>{0, 0, 0, 0, 1, 0, 2, 3, 0}));
  EXPECT_EQ(pad(x, {-1, 2}, 7).to_vector(), (std::vector<double>{1, 7, 7, 3, 7, 7}));
  EXPECT_EQ(pad(x, {-3, 2}, 7).to_vector(), (std::vector<double>{7, 7}));
  EXPECT_EQ(error_of<ShapeError>([&] { pad(x, {-3, 0}); }),
            "pad: amounts (-3,0) crop more than dim 1 of float32 (2,2) has");
  EXPECT_EQ(error_of<ParamError>([&] { pad(x, {1}); }),
            "pad: got 1 amounts for float32 (2,2), wanted pairs (before, after) for at most 2 dimensions");
}

TEST(Flip, ReversesDimensions) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(flip(x, {1}).to_vector(), (std::vector<double>{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(flip(x, {0, -1}).to_vector(), (std::vector<double>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(error_of<IndexError>([&] { flip(x, {1, -1}); }), "flip: dim -1 is named twice; name each dimension once");
}

TEST(Repeat, Tiles) {
  const Tensor x = counted({1, 2});
  EXPECT_EQ(repeat(x, {2, 2}).to_vector(), (std::vector<double>{0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(text(repeat(x, {3, 1, 2}).shape()), "(3,1,4)");
  EXPECT_EQ(repeat(x, {0, 2}).numel(), 0);
  EXPECT_FALSE(repeat(x, {1, 1}).same_storage(x));
  EXPECT_EQ(error_of<ShapeError>([&] { repeat(x, {2}); }),
            "repeat: got 1 numbers for float32 (1,2), wanted at least one per dimension");
}

TEST(Triangles, KeepOneSide) {
  const Tensor x = ones({2, 3});
  EXPECT_EQ(tril(x).to_vector(), (std::vector<double>{1, 0, 0, 1, 1, 0}));
  EXPECT_EQ(tril(x, 1).to_vector(), (std::vector<double>{1, 1, 0, 1, 1, 1}));
  EXPECT_EQ(tril(x, -2).to_vector(), (std::vector<double>{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(triu(x).to_vector(), (std::vector<double>{1, 1, 1, 0, 1, 1}));
  EXPECT_EQ(triu(x, -1).to_vector(), (std::vector<double>{1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(triu(x, 2).to_vector(), (std::vector<double>{0, 0, 1, 0, 0, 0}));
}

TEST(Copies, PassGradientsOn) {
  check_gradients([](const Inputs& in) { return mul(in[0].clone(), in[0].clone()); }, {{2, 3, 4}}, {.step = 1});
  const auto rows = [](const Tensor& t) { return transpose(t, 0, 1).contiguous(); };
  check_gradients([&](const Inputs& in) { return mul(rows(in[0]), rows(in[0])); }, {{2, 3, 4}}, {.step = 1});
}

TEST(Views, OfNothingAreNothing) {
  const Op all = [](const Inputs& in) {
    const Tensor x = permute(slice(in[0], 1, 0, 2), {1, 0});
    return concat(
        {reshape(flip(x, {0}), {0, 7}), tril(zeros({0, 7}, Dtype::float64)), repeat(reshape(x, {0, 7}), {3, 1})});
  };
  check_gradients(all, {{0, 3}});
  EXPECT_EQ(view(transpose(zeros({0, 3}), 0, 1), {0, 5}).numel(), 0);
}

TEST(Views, IntegersMoveToo) {
  const Tensor x = labels({1, 2, 3});
  EXPECT_EQ(concat({flip(x, {0}), pad(slice(x, 0, 1), {1, 0}, 7)}).to_vector(),
            (std::vector<double>{3, 2, 1, 7, 2, 3}));
}

}  // namespace
}  // namespace gradus
