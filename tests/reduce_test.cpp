// Reductions and scans: values and gradients against PyTorch, at ties and extremes, for every shape and dtype.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/scan.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/op_check.h"
#include "gradus/tests/op_reference.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using op_reference::Numbers;
using Dims = std::vector<int64_t>;
using In = const std::vector<Tensor>&;
using Over = std::function<Tensor(const Tensor&, const Dims&, bool)>;
constexpr double inf = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

Over norm_with(double p) {
  return [p](const Tensor& x, const Dims& d, bool k) { return norm(x, p, d, k); };
}
const std::map<std::string, Over> reductions = {
    {"sum", [](const Tensor& x, const Dims& d, bool k) { return sum(x, d, k); }},
    {"mean", [](const Tensor& x, const Dims& d, bool k) { return mean(x, d, k); }},
    {"prod", [](const Tensor& x, const Dims& d, bool k) { return prod(x, d, k); }},
    {"amax", [](const Tensor& x, const Dims& d, bool k) { return amax(x, d, k); }},
    {"amin", [](const Tensor& x, const Dims& d, bool k) { return amin(x, d, k); }},
    {"logsumexp", [](const Tensor& x, const Dims& d, bool k) { return logsumexp(x, d, k); }},
    {"var", [](const Tensor& x, const Dims& d, bool k) { return var(x, d, k); }},
    {"std", [](const Tensor& x, const Dims& d, bool k) { return std(x, d, k); }},
    {"var0", [](const Tensor& x, const Dims& d, bool k) { return var(x, d, k, 0); }},
    {"std0", [](const Tensor& x, const Dims& d, bool k) { return std(x, d, k, 0); }},
    {"norm1", norm_with(1)},
    {"norm2", norm_with(2)},
    {"norm3", norm_with(3)},
    {"norm1.5", norm_with(1.5)},
    {"norm0.5", norm_with(0.5)},
    {"norminf", norm_with(inf)},
};

TEST(Reduce, AgreesWithPyTorch) {
  op_reference::NamedOps ops = {
      {"cumsum", [](In x, const Numbers& n) { return cumsum(x[0], int64_t(n[0])); }},
      {"cumprod", [](In x, const Numbers& n) { return cumprod(x[0], int64_t(n[0])); }},
      {"max", [](In x, const Numbers& n) { return max(x[0], int64_t(n[0])).values; }},
      {"min", [](In x, const Numbers& n) { return min(x[0], int64_t(n[0])).values; }},
      {"argmax", [](In x, const Numbers& n) { return argmax(x[0], int64_t(n[0])); }},
      {"argmin", [](In x, const Numbers& n) { return argmin(x[0], int64_t(n[0])); }},
  };
  for (const auto& [name, f] : reductions)
    ops[name] = [f = f](In x, const Numbers& n) { return f(x[0], Dims(n.begin() + 1, n.end()), n[0] != 0); };
  op_reference::check_file("reduce.json", ops, false);
}

TEST(Reduce, TiesShareEvenlyOrGoToTheFirst) {
  const auto gradient = [](const std::function<Tensor(const Tensor&)>& f, const Values& at) {
    const Tensor x = tensor(at, {int64_t(at.size())}, Dtype::float64).requires_grad(true);
    f(x).backward();
    return x.grad().to_vector();
  };
  const Values tied = {1, 3, 3, -3};
  EXPECT_EQ(gradient([](const Tensor& x) { return max(x); }, tied), (Values{0, 0.5, 0.5, 0}));
  EXPECT_EQ(gradient([](const Tensor& x) { return amax(x, {0}); }, tied), (Values{0, 0.5, 0.5, 0}));
  EXPECT_EQ(gradient([](const Tensor& x) { return max(x, 0).values; }, tied), (Values{0, 1, 0, 0}));
  EXPECT_EQ(gradient([](const Tensor& x) { return norm(x, inf); }, {1, 3, 3, -2}), (Values{0, 0.5, 0.5, 0}));
  EXPECT_EQ(gradient([](const Tensor& x) { return max(x); }, {1, std::nan(""), 3, std::nan("")}),
            (Values{0, 0.5, 0, 0.5}));
  EXPECT_EQ(gradient([](const Tensor& x) { return std(x); }, {2, 2, 2}), (Values{0, 0, 0}));
  for (double p : {0.0, 0.5, 1.0, 2.0, 3.0, inf})
    EXPECT_EQ(gradient([p](const Tensor& x) { return norm(x, p); }, {0, 0}), (Values{0, 0})) << p;
}

TEST(Reduce, NormsNeitherOverflowNorUnderflow) {
  for (double size : {1e300, 1e-300, 5e-324}) {
    const Tensor x = tensor({3 * size, -4 * size}, {2}, Dtype::float64).requires_grad(true);
    EXPECT_DOUBLE_EQ(norm(x).item(), 5 * size);
    norm(x).backward();
    EXPECT_NEAR(x.grad().at({0}), 0.6, 1e-15);
    EXPECT_NEAR(norm(x, 3).item() / size, std::cbrt(91), size > 1e-310 ? 1e-14 : 0.51);
  }
  const Tensor x = tensor({3e30, -4e30}, {2});
  EXPECT_FLOAT_EQ(float(norm(x).item()), 5e30f);
  EXPECT_FLOAT_EQ(float(norm(x, 5).item()), float(1e30 * std::pow(243 + 1024, 0.2)));
  EXPECT_EQ(norm(tensor({0, 2, 0, -1}, {4}), 0).item(), 2);
  EXPECT_EQ(norm(tensor({1, inf}, {2})).item(), inf);
  EXPECT_TRUE(std::isnan(norm(tensor({1, std::nan("")}, {2})).item()));
  EXPECT_EQ(logsumexp(tensor({1000, 1000}, {2}), {0}).item(), float(1000 + std::log(2)));
}

// The mean of 1e8 and a hundred neighbours leaves nothing of the spread in float32 unless it is kept in float64.
TEST(Reduce, SpreadAroundALargeMean) {
  Values values;
  for (int i = 0; i < 101; ++i) values.push_back(1e8 + 8 * (i - 50));
  EXPECT_NEAR(var(tensor(values, {101}), {0}, false, 0).item(), 64 * 850, 1e-2);
}

// A plain loop over float64, for shapes that take each of the paths: narrow, wide and long rows, several segments.
TEST(Reduce, EveryShapeAgreesWithALoop) {
  const std::vector<std::vector<int64_t>> shapes = {{1, 1, 1},     {3, 5, 1},    {2, 40000, 1}, {2, 7, 3},
                                                    {1, 3000, 3},  {2, 100, 63}, {1, 70, 64},   {2, 3, 1500},
                                                    {1, 3000, 40}, {3, 0, 2},    {0, 4, 2},     {2, 3, 0}};
  for (Dtype dtype : {Dtype::float32, Dtype::float64, Dtype::int64})
    for (const auto& s : shapes) {
      const auto random = op_check::random_values(s[0] * s[1] * s[2], 6, -9, 9);
      const Tensor x = to(tensor(random, {s[0], s[1], s[2]}, Dtype::float64), dtype);
      const Values v = x.to_vector();
      const Values sums = sum(x, {1}).to_vector(), greatest = s[1] ? amax(x, {1}).to_vector() : Values(),
                   where = s[1] ? argmax(x, 1).to_vector() : Values();
      for (int64_t o = 0; o < s[0]; ++o)
        for (int64_t i = 0; i < s[2]; ++i) {
          double total = 0, most = -inf, place = 0;
          for (int64_t n = 0; n < s[1]; ++n) {
            const double e = v[size_t((o * s[1] + n) * s[2] + i)];
            total += e;
            if (e > most) most = e, place = double(n);
          }
          const size_t at = size_t(o * s[2] + i);
          ASSERT_NEAR(sums[at], total, (dtype == Dtype::float32 ? 1e-6 : 1e-12) * (1 + std::abs(total)))
              << text(x.shape());
          if (!s[1]) continue;
          ASSERT_EQ(greatest[at], most) << text(x.shape());
          ASSERT_EQ(where[at], place) << text(x.shape());
        }
    }
}

TEST(Reduce, EmptyAndSingleNumbers) {
  const Tensor none = zeros({0, 3}), number = scalar(-2.5).requires_grad(true);
  EXPECT_EQ(sum(none).item(), 0);
  EXPECT_EQ(prod(none, {0}).to_vector(), (Values{1, 1, 1}));
  EXPECT_TRUE(std::isnan(mean(none).item()));
  EXPECT_TRUE(std::isnan(var(scalar(1.0)).item()));
  EXPECT_EQ(logsumexp(none, {0}).to_vector(), (Values{-inf, -inf, -inf}));
  EXPECT_EQ(norm(none).item(), 0);
  EXPECT_EQ(cumsum(none, 0).shape(), (Shape{0, 3}));
  EXPECT_EQ(any(none).item(), 0);
  EXPECT_EQ(all(none).item(), 1);
  for (const Tensor& y : {sum(number), mean(number, {-1}), prod(number), max(number), max(number, 0).values,
                          norm(number, 3) * -1.0, cumsum(number, 0), cumprod(number, 0), logsumexp(number, {0})}) {
    EXPECT_EQ(y.shape(), Shape{});
    EXPECT_NEAR(y.item(), -2.5, 1e-6);
    EXPECT_NEAR(grad({y}, {number})[0].item(), 1, 1e-6) << y.made_by();
  }
  EXPECT_EQ(argmin(number).item_integer(), 0);
}

TEST(Reduce, IntegersAndBool) {
  const Tensor x = reshape(labels({3, -1, 4, 1, -5, 9}), {2, 3}), mask = x > 0;
  const auto expect = [](const Tensor& t, const Values& values, Dtype dtype = Dtype::int64) {
    EXPECT_EQ(t.dtype(), dtype);
    EXPECT_EQ(t.to_vector(), values);
  };
  expect(sum(x), {11});
  expect(sum(x, {0}), {4, -6, 13});
  expect(sum(mask, {1}), {2, 2});
  expect(prod(x, {1}), {-12, -45});
  expect(amax(x, {1}), {4, 9});
  expect(min(x), {-5});
  expect(max(x, 0).indices, {0, 0, 1});
  expect(argmax(mask), {0});
  expect(cumsum(x, 1), {3, 2, 6, 1, -4, 5});
  expect(cumprod(x, 0), {3, -1, 4, 3, 5, 36});
  expect(any(mask, {0}), {1, 0, 1}, Dtype::boolean);
  expect(all(mask, {0}, true), {1, 0, 1}, Dtype::boolean);
  expect(any(x - x), {0}, Dtype::boolean);
  expect(all(x), {1}, Dtype::boolean);
  EXPECT_EQ(sum(labels({int64_t{1} << 53, 1})).item_integer(), (int64_t{1} << 53) + 1);
}

TEST(Reduce, Errors) {
  const Tensor x = zeros({2, 3}), none = zeros({0, 3});
  EXPECT_EQ(error_of<IndexError>([&] { sum(x, {2}); }), "sum: dim is 2, a tensor of 2 dimensions wants one in [-2, 2)");
  EXPECT_EQ(error_of<IndexError>([&] { var(x, {0, -2}); }), "var: dim -2 is named twice; name each dimension once");
  EXPECT_EQ(error_of<IndexError>([&] { cumsum(x, -3); }),
            "cumsum: dim is -3, a tensor of 2 dimensions wants one in [-2, 2)");
  EXPECT_EQ(error_of<DtypeError>([&] { mean(labels({1})); }),
            "mean: got int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { sum(zeros({2}, Dtype::float16)); }),
            "sum: got float16, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { cumsum(zeros({2}, Dtype::boolean), 0); }),
            "cumsum: got bool, wanted float32, float64 or int64; convert it with to()");
  EXPECT_EQ(error_of<ShapeError>([&] { max(none); }),
            "max: got shape (0,3), wanted at least one element to choose from");
  EXPECT_EQ(error_of<ShapeError>([&] { argmin(none, 0); }),
            "argmin: got shape (0,3), wanted at least one element to choose from");
  EXPECT_EQ(error_of<ParamError>([&] { norm(x, -1); }), "norm: p is -1, wanted 0, a positive number or infinity");
  EXPECT_EQ(amax(none, {1}).shape(), (Shape{0}));
}

}  // namespace
}  // namespace gradus
