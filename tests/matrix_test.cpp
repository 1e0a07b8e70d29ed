// Matrix products, linear, einsum and the singular value decomposition: against plain loops and identities.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gradus/core/error.h"
#include "gradus/ops/einsum.h"
#include "gradus/ops/linear.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/svd.h"
#include "gradus/tests/thrown.h"
#include "op_check.h"

namespace gradus {
namespace {

using namespace op_check;

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(text(a.shape()), text(b.shape()));
  const auto x = a.to_vector(), y = b.to_vector();
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], tolerance * (1 + std::abs(y[i]))) << "element " << i;
}

// One product of matrices, in three loops.
Tensor product_reference(const Tensor& a, const Tensor& b) {
  Tensor out = zeros({a.size(0), b.size(1)}, Dtype::float64);
  for (int64_t i = 0; i < a.size(0); ++i)
    for (int64_t j = 0; j < b.size(1); ++j) {
      double total = 0;
      for (int64_t k = 0; k < a.size(1); ++k) total += a.at({i, k}) * b.at({k, j});
      out.set({i, j}, total);
    }
  return out;
}

// ---- matmul and linear --------------------------------------------------------------------------

TEST(Matmul, AgreesWithThreeLoops) {
  for (const auto& [n, k, m] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {3, 4, 5}, {1, 7, 2}, {300, 3, 200}, {2, 0, 3}, {0, 2, 3}, {130, 129, 131}}) {
    const Tensor a = random_tensor({n, k}, 1), b = random_tensor({k, m}, 2);
    expect_near(matmul(a, b), product_reference(a, b), 1e-13);
    expect_near(matmul(transpose(random_tensor({k, n}, 1), 0, 1), transpose(random_tensor({m, k}, 2), 0, 1)),
                product_reference(transpose(random_tensor({k, n}, 1), 0, 1), transpose(random_tensor({m, k}, 2), 0, 1)),
                1e-13);
  }
}

TEST(Matmul, BroadcastsBatches) {
  const Tensor a = random_tensor({2, 1, 3, 4}, 1), b = random_tensor({5, 4, 2}, 2), y = matmul(a, b);
  ASSERT_EQ(text(y.shape()), "(2,5,3,2)");
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 5; ++j)
      expect_near(select(select(y, 0, i), 0, j), product_reference(select(select(a, 0, i), 0, 0), select(b, 0, j)),
                  1e-13);
  const Tensor w = random_tensor({4, 2}, 3), tall = matmul(a, w);
  expect_near(select(select(tall, 0, 1), 0, 0), product_reference(select(select(a, 0, 1), 0, 0), w), 1e-13);
}

TEST(Matmul, VectorsAreRowsAndColumns) {
  const Tensor v = random_tensor({3}, 1), w = random_tensor({3}, 2), m = random_tensor({3, 2}, 3),
               batch = random_tensor({4, 2, 3}, 4);
  EXPECT_NEAR(matmul(v, w).item(), v.at({0}) * w.at({0}) + v.at({1}) * w.at({1}) + v.at({2}) * w.at({2}), 1e-14);
  expect_near(matmul(v, m), squeeze(product_reference(unsqueeze(v, 0), m), 0), 1e-14);
  EXPECT_EQ(text(matmul(batch, v).shape()), "(4,2)");
  EXPECT_EQ(text(matmul(random_tensor({2}, 5), batch).shape()), "(4,3)");
  EXPECT_EQ(text(matmul(zeros({2, 3, 0}), zeros({0, 4})).shape()), "(2,3,4)");
  EXPECT_EQ(sum(matmul(zeros({2, 3, 0}), zeros({0, 4}))).item(), 0);
}

TEST(Linear, IsAProductPlusBias) {
  const Tensor x = random_tensor({2, 5, 3}, 1), w = random_tensor({4, 3}, 2), b = random_tensor({4}, 3);
  expect_near(linear(x, w, b), add(matmul(x, transpose(w, 0, 1)), b), 1e-14);
  expect_near(linear(x, w), matmul(x, transpose(w, 0, 1)), 1e-14);
  EXPECT_EQ(text(linear(random_tensor({3}, 1), w, b).shape()), "(4)");
}

TEST(Products, ErrorsSayWhatFits) {
  EXPECT_EQ(error_of<ShapeError>([] { matmul(zeros({2, 3}), zeros({4, 5})); }),
            "matmul: got shapes (2,3) and (4,5), wanted (N,K) and (K,M); transpose or reshape one");
  EXPECT_EQ(error_of<DtypeError>([] { matmul(zeros({2, 3}), zeros({3, 5}, Dtype::float64)); }),
            "matmul: got float32 and float64, wanted both float32 or both float64; convert one with to()");
  EXPECT_EQ(error_of<ShapeError>([] { linear(zeros({2, 3}), zeros({5, 4})); }),
            "linear: weight has shape (5,4) but input has shape (2,3), wanted 4 features in its last dimension");
  EXPECT_EQ(error_of<ShapeError>([] { linear(zeros({2, 4}), zeros({5, 4}), zeros({4})); }),
            "linear: bias has shape (4) but weight has shape (5,4), wanted bias (5)");
}

// ---- einsum -------------------------------------------------------------------------------------

TEST(Einsum, SaysWhatItsLettersSay) {
  const Tensor a = random_tensor({2, 3}, 1), b = random_tensor({3, 4}, 2), c = random_tensor({4, 2}, 3),
               s = random_tensor({3, 3}, 4);
  expect_near(einsum("ij,jk->ik", {a, b}), matmul(a, b), 1e-14);
  expect_near(einsum("ij,jk", {a, b}), matmul(a, b), 1e-14);
  expect_near(einsum("ij,jk->ki", {a, b}), transpose(matmul(a, b), 0, 1), 1e-14);
  expect_near(einsum("ba", {a}), transpose(a, 0, 1), 0);
  expect_near(einsum(" ij -> ", {a}), sum(a), 1e-14);
  expect_near(einsum("ii->i", {s}), diagonal(s), 0);
  expect_near(einsum("ii", {s}), sum(diagonal(s)), 1e-15);
  expect_near(einsum("ij,ij->ij", {a, a}), mul(a, a), 1e-15);
  expect_near(einsum("i,j->ij", {select(a, 0, 0), select(b, 1, 0)}),
              mul(unsqueeze(select(a, 0, 0), 1), select(b, 1, 0)), 1e-15);
  expect_near(einsum("ij,jk,kl->il", {a, b, c}), matmul(matmul(a, b), c), 1e-14);
  expect_near(einsum("ij,jk,ki->", {a, b, c}), sum(diagonal(matmul(matmul(a, b), c))), 1e-14);
  expect_near(einsum("ij,kl->", {a, b}), mul(sum(a), sum(b)), 1e-13);
  const Tensor p = random_tensor({5, 2, 3}, 5), q = random_tensor({3, 5, 4}, 6);
  expect_near(einsum("bij,jbk->bki", {p, q}), transpose(matmul(p, permute(q, {1, 0, 2})), 1, 2), 1e-14);
  const Tensor cube = random_tensor({2, 2, 2}, 7);
  EXPECT_NEAR(einsum("iii->", {cube}).item(), cube.at({0, 0, 0}) + cube.at({1, 1, 1}), 1e-15);
}

TEST(Einsum, ErrorsSayWhatFits) {
  const Tensor a = zeros({2, 3}), b = zeros({4, 5});
  EXPECT_EQ(error_of<ShapeError>([&] { einsum("ij,jk->ik", {a, b}); }),
            "einsum: index j is 4 in operand 1 but 3 in operand 0, wanted one extent");
  EXPECT_EQ(error_of<ShapeError>([&] { einsum("ijk->i", {a}); }),
            "einsum: operand 0 has shape (2,3) but indices 'ijk', wanted one index per dimension");
  EXPECT_EQ(error_of<ParamError>([&] { einsum("ij,jk->ik", {a}); }),
            "einsum: 'ij,jk->ik' has 2 operands but 1 tensors were given");
  EXPECT_EQ(error_of<ParamError>([&] { einsum("ij->ik", {a}); }),
            "einsum: 'ij->ik' has output index k, which no operand has");
  EXPECT_EQ(error_of<ParamError>([&] { einsum("ij->ii", {a}); }),
            "einsum: 'ij->ii' names output index i twice, wanted it once");
  EXPECT_EQ(error_of<ParamError>([&] { einsum("i1->i", {a}); }),
            "einsum: 'i1->i' contains '1', wanted letters, commas and one '->'");
}

// ---- svd ----------------------------------------------------------------------------------------

TEST(Svd, FactorsMultiplyToTheMatrixAndAreOrthogonal) {
  for (const Dtype dtype : {Dtype::float64, Dtype::float32})
    for (const Shape& shape : {Shape{4, 3}, Shape{3, 4}, Shape{5, 5}, Shape{1, 3}, Shape{3, 1}, Shape{2, 4, 3},
                               Shape{0, 3}, Shape{2, 3, 0}}) {
      const Tensor x = random_tensor(shape, 1, dtype);
      const auto [u, s, v] = svd(x);
      const double tolerance = dtype == Dtype::float64 ? 1e-13 : 1e-5;
      const Tensor ut = transpose(u, -2, -1), vt = transpose(v, -2, -1);
      expect_near(matmul(mul(u, unsqueeze(s, -2)), vt), x, tolerance);
      const int64_t k = s.size(-1);
      for (const Tensor& square : {matmul(ut, u), matmul(vt, v)})
        for (int64_t i = 0; i < square.numel(); ++i) {
          const int64_t place = i % (k * k);
          ASSERT_NEAR(square.to_vector()[size_t(i)], place / k == place % k ? 1 : 0, tolerance);
        }
      const auto values = s.to_vector();
      for (size_t i = 0; i < values.size(); ++i)
        ASSERT_TRUE(values[i] >= 0 && (i % size_t(k) == 0 || values[i] <= values[i - 1]));
    }
}

TEST(Svd, PolarFactorMovesAsTheSylvesterEquationSays) {
  // q = u vᵀ; along dx, with p = v s vᵀ, dq = q w + (1 - q qᵀ) dx p⁻¹ where p w + w p = qᵀ dx - dxᵀ q.  Here q is
  // square.
  const Tensor x = random_tensor({3, 3}, 1).requires_grad(true), g = random_tensor({3, 3}, 2),
               dx = random_tensor({3, 3}, 3);
  const Svd f = svd(x);
  matmul(f.u, transpose(f.v, 0, 1)).backward(g);
  const double along = sum(mul(x.grad(), dx)).item();
  const Tensor u = f.u.detach(), s = f.s.detach(), v = f.v.detach(), vt = transpose(v, 0, 1), q = matmul(u, vt);
  const Tensor right = sub(matmul(transpose(q, 0, 1), dx), matmul(transpose(dx, 0, 1), q));
  const Tensor w = matmul(matmul(v, div(matmul(matmul(vt, right), v), add(unsqueeze(s, 1), unsqueeze(s, 0)))), vt);
  EXPECT_NEAR(along, sum(mul(matmul(q, w), g)).item(), 1e-12);
}

TEST(Svd, SingularValuesHaveAGradientWhereTheyAreEqual) {
  const Tensor x = tensor({2, 0, 0, 2}, {2, 2}, Dtype::float64).requires_grad(true);
  sum(svd(x).s).backward();
  expect_near(x.grad(), tensor({1, 0, 0, 1}, {2, 2}, Dtype::float64), 1e-14);
}

TEST(Svd, ErrorsSayWhatFits) {
  EXPECT_EQ(error_of<DomainError>([] { svd(tensor({1, NAN}, {1, 2})); }),
            "svd: input is nan at element 1, wanted finite numbers");
  EXPECT_EQ(error_of<DomainError>([] { svd(tensor({-INFINITY}, {1, 1})); }),
            "svd: input is -inf at element 0, wanted finite numbers");
  EXPECT_EQ(error_of<ShapeError>([] { svd(zeros({3})); }),
            "svd: input has shape (3), wanted a matrix (M,N) or a batch of them");
}

}  // namespace
}  // namespace gradus
