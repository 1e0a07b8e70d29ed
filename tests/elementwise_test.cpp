// Elementwise ops: values and gradients against PyTorch, at kinks and of higher order, for every dtype.
#include <gtest/gtest.h>

#include <limits>

#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/math.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/op_check.h"
#include "gradus/tests/op_reference.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using op_reference::Numbers;
using In = const std::vector<Tensor>&;
using By = const Numbers&;

const op_reference::NamedOps unary_ops = {
    {"abs", [](In x, By) { return abs(x[0]); }},
    {"sign", [](In x, By) { return sign(x[0]); }},
    {"exp", [](In x, By) { return exp(x[0]); }},
    {"expm1", [](In x, By) { return expm1(x[0]); }},
    {"log", [](In x, By) { return log(x[0]); }},
    {"log1p", [](In x, By) { return log1p(x[0]); }},
    {"sqrt", [](In x, By) { return sqrt(x[0]); }},
    {"rsqrt", [](In x, By) { return rsqrt(x[0]); }},
    {"square", [](In x, By) { return square(x[0]); }},
    {"reciprocal", [](In x, By) { return reciprocal(x[0]); }},
    {"sin", [](In x, By) { return sin(x[0]); }},
    {"cos", [](In x, By) { return cos(x[0]); }},
    {"tanh", [](In x, By) { return tanh(x[0]); }},
    {"sigmoid", [](In x, By) { return sigmoid(x[0]); }},
    {"log_sigmoid", [](In x, By) { return log_sigmoid(x[0]); }},
    {"relu", [](In x, By) { return relu(x[0]); }},
    {"silu", [](In x, By) { return silu(x[0]); }},
    {"gelu", [](In x, By) { return gelu(x[0]); }},
    {"gelu_tanh", [](In x, By) { return gelu(x[0], Gelu::tanh); }},
    {"erf", [](In x, By) { return erf(x[0]); }},
    {"round", [](In x, By) { return round(x[0]); }},
    {"floor", [](In x, By) { return floor(x[0]); }},
    {"ceil", [](In x, By) { return ceil(x[0]); }},
    {"neg", [](In x, By) { return -x[0]; }},
    {"leaky_relu", [](In x, By n) { return leaky_relu(x[0], n[0]); }},
    {"elu", [](In x, By n) { return elu(x[0], n[0]); }},
    {"softplus", [](In x, By n) { return softplus(x[0], n[0], n[1]); }},
    {"clamp", [](In x, By n) { return clamp(x[0], n[0], n[1]); }},
    {"clamp_low", [](In x, By n) { return clamp(x[0], n[0]); }},
    {"clamp_high", [](In x, By n) { return clamp(x[0], {}, n[0]); }},
    {"rdiv", [](In x, By n) { return n[0] / x[0]; }},
};
const op_reference::NamedOps binary_ops = {
    {"add", [](In x, By n) { return n.empty() ? x[0] + x[1] : x[0] + n[0]; }},
    {"sub", [](In x, By) { return x[0] - x[1]; }},
    {"mul", [](In x, By n) { return n.empty() ? x[0] * x[1] : n[0] * x[0]; }},
    {"div", [](In x, By n) { return n.empty() ? x[0] / x[1] : x[0] / n[0]; }},
    {"pow", [](In x, By n) { return n.empty() ? pow(x[0], x[1]) : pow(x[0], n[0]); }},
    {"atan2", [](In x, By) { return atan2(x[0], x[1]); }},
    {"maximum", [](In x, By) { return maximum(x[0], x[1]); }},
    {"minimum", [](In x, By) { return minimum(x[0], x[1]); }},
    {"eq", [](In x, By) { return eq(x[0], x[1]); }},
    {"ne", [](In x, By) { return ne(x[0], x[1]); }},
    {"lt", [](In x, By) { return x[0] < x[1]; }},
    {"le", [](In x, By) { return x[0] <= x[1]; }},
    {"gt", [](In x, By) { return x[0] > x[1]; }},
    {"ge", [](In x, By) { return x[0] >= x[1]; }},
};
op_reference::NamedOps all_ops() {
  op_reference::NamedOps ops = unary_ops;
  ops.insert(binary_ops.begin(), binary_ops.end());
  return ops;
}
TEST(Elementwise, AgreesWithPyTorch) { op_reference::check_file("elementwise.json", all_ops(), false); }

TEST(Elementwise, WhereKeepsAGradientFromTheSideNotChosen) {
  const Tensor x = tensor({0, 4}, {2}, Dtype::float64).requires_grad(true);
  sum(where(x > 0, sqrt(x), 0)).backward();
  EXPECT_EQ(x.grad().at({1}), 0.25);
  const Tensor y = tensor({std::nan(""), 4}, {2}, Dtype::float64);
  EXPECT_EQ(where(isnan(y), 7, y).to_vector(), (std::vector<double>{7, 4}));
}

TEST(Elementwise, SlopesAtKinks) {
  const auto slope = [](const std::function<Tensor(const Tensor&)>& f, double at) {
    const Tensor x = scalar(at, Dtype::float64).requires_grad(true);
    f(x).backward();
    return x.grad().item();
  };
  EXPECT_EQ(slope([](const Tensor& x) { return abs(x); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return relu(x); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return leaky_relu(x, 0.25); }, 0), 0.25);
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, 0, 1); }, 0), 1);
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, 0, 1); }, 1), 1);
  EXPECT_EQ(slope([](const Tensor& x) { return maximum(x, scalar(2, Dtype::float64)); }, 2), 0.5);
  EXPECT_EQ(slope([](const Tensor& x) { return minimum(scalar(2, Dtype::float64), x); }, 2), 0.5);
  EXPECT_EQ(slope([](const Tensor& x) { return pow(x, scalar(0, Dtype::float64)); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return pow(scalar(0, Dtype::float64), x); }, 2), 0);
}

// What a backward keeps of its output must be usable at any order: d³ exp = exp, d⁴ of 1/x = 24 / x⁵.
TEST(Elementwise, HigherOrders) {
  const auto derivative = [](Tensor y, const Tensor& x, int order) {
    for (int i = 0; i < order; ++i) y = grad({y}, {x}, {}, {.create_graph = true})[0];
    return y.item();
  };
  const Tensor x = scalar(0.5, Dtype::float64).requires_grad(true);
  EXPECT_NEAR(derivative(exp(x), x, 3), std::exp(0.5), 1e-15);
  EXPECT_NEAR(derivative(reciprocal(x), x, 4), 24 * 32, 1e-9);
  EXPECT_NEAR(derivative(sqrt(x), x, 3), 0.375 * std::pow(0.5, -2.5), 1e-14);
  const double t = std::tanh(0.5), u = 1 - t * t;
  EXPECT_NEAR(derivative(tanh(x), x, 3), u * (4 * t * t - 2 * u), 1e-14);
  EXPECT_NEAR(derivative(pow(x, 5.0), x, 4), 120 * 0.5, 1e-12);
}

TEST(Elementwise, SignsOfZero) {
  const Tensor zeros = tensor({-0.0, 0.0}, {2});
  for (const auto& f : {+[](const Tensor& x) { return sqrt(x); }, +[](const Tensor& x) { return sin(x); },
                        +[](const Tensor& x) { return expm1(x); }, +[](const Tensor& x) { return tanh(x); },
                        +[](const Tensor& x) { return round(x); }, +[](const Tensor& x) { return floor(x); },
                        +[](const Tensor& x) { return ceil(x); }, +[](const Tensor& x) { return log1p(x); }}) {
    const std::vector<double> y = f(zeros).to_vector();
    EXPECT_TRUE(std::signbit(y[0]) && !std::signbit(y[1]));
  }
}

TEST(Elementwise, Integers) {
  const Tensor a = tensor({-3, 0, 4}, {3}, Dtype::int64), b = labels({2, -5, 4});
  const auto expect = [](const Tensor& t, const std::vector<double>& values) {
    EXPECT_EQ(t.dtype(), Dtype::int64);
    EXPECT_EQ(t.to_vector(), values);
  };
  expect(a + b, {-1, -5, 8});
  expect(a - b, {-5, 5, 0});
  expect(a * b, {-6, 0, 16});
  expect(-a, {3, 0, -4});
  expect(abs(a), {3, 0, 4});
  expect(sign(a), {-1, 0, 1});
  expect(a * 3.0, {-9, 0, 12});
  expect(2.0 - a, {5, 2, -2});
  expect(maximum(a, b), {2, 0, 4});
  expect(minimum(a, b), {-3, -5, 4});
  expect(clamp(a, -1.5, 3.5), {-1, 0, 3});
  expect(where(a > 0, a, b), {2, -5, 4});
  expect(transpose(reshape(a, {1, 3}), 0, 1) + reshape(b, {1, 3}), {-1, -8, 1, 2, -5, 4, 6, -1, 8});
  const int64_t large = std::numeric_limits<int64_t>::max();
  EXPECT_EQ((labels({large}) + labels({1})).item_integer(), std::numeric_limits<int64_t>::min());
  EXPECT_TRUE(eq(labels({large}), labels({large - 1})).item() == 0);  // float64 could not tell
}

TEST(Elementwise, MasksOfEveryDtype) {
  for (Dtype dtype : {Dtype::float32, Dtype::float64, Dtype::int64, Dtype::int32, Dtype::uint8, Dtype::boolean,
                      Dtype::float16, Dtype::bfloat16}) {
    const Tensor a = tensor({0, 1, 1, 0}, {4}, dtype), b = tensor({0, 1, 0, 1}, {4}, dtype);
    const Tensor less = a < b;
    EXPECT_EQ(less.dtype(), Dtype::boolean);
    EXPECT_EQ(less.to_vector(), (std::vector<double>{0, 0, 0, 1})) << name_of(dtype);
    EXPECT_EQ((a >= 0.5).to_vector(), (std::vector<double>{0, 1, 1, 0})) << name_of(dtype);
    EXPECT_EQ((a & b).to_vector(), (std::vector<double>{0, 1, 0, 0}));
    EXPECT_EQ((a | b).to_vector(), (std::vector<double>{0, 1, 1, 1}));
    EXPECT_EQ((!a).to_vector(), (std::vector<double>{1, 0, 0, 1}));
    EXPECT_EQ(isfinite(a).to_vector(), (std::vector<double>{1, 1, 1, 1}));
  }
  EXPECT_EQ((tensor({0.1}, {1}) == 0.1).item(), 1);  // the number is rounded to float32 first
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = tensor({std::nan(""), -inf, inf, 1}, {4});
  EXPECT_EQ(isnan(x).to_vector(), (std::vector<double>{1, 0, 0, 0}));
  EXPECT_EQ(isinf(x).to_vector(), (std::vector<double>{0, 1, 1, 0}));
  EXPECT_EQ(isfinite(x).to_vector(), (std::vector<double>{0, 0, 0, 1}));
  EXPECT_EQ((x != 1.0).to_vector(), (std::vector<double>{1, 1, 1, 0}));
}

TEST(Elementwise, Casts) {
  const Tensor x = tensor({-1.5, 0, 0.25, 3}, {2, 2}, Dtype::float64);
  EXPECT_EQ(to(x, Dtype::int64).to_vector(), (std::vector<double>{-1, 0, 0, 3}));
  EXPECT_EQ(to(x, Dtype::boolean).to_vector(), (std::vector<double>{1, 0, 1, 1}));
  for (Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16})
    EXPECT_EQ(to(x, dtype).to_vector(), x.to_vector());
  EXPECT_EQ(to(transpose(x, 0, 1), Dtype::int32).to_vector(), (std::vector<double>{-1, 0, 0, 3}));
  EXPECT_EQ(to(labels({7, -7}), Dtype::float32).to_vector(), (std::vector<double>{7, -7}));
  EXPECT_EQ(to(x, Dtype::float64).state().get(), x.state().get());
  const Tensor leaf = tensor({1, 2}, {2}, Dtype::float64).requires_grad(true);
  sum(square(to(leaf, Dtype::float32))).backward();
  EXPECT_EQ(leaf.grad().dtype(), Dtype::float64);
  EXPECT_EQ(leaf.grad().to_vector(), (std::vector<double>{2, 4}));
  EXPECT_FALSE(to(leaf, Dtype::int64).requires_grad());
}

// An element's value does not depend on where in a pack or tail it stands.
TEST(Elementwise, PlaceAndSizeDoNotChangeBits) {
  const Tensor x = op_check::random_tensor({37}, 5, Dtype::float32);
  const std::vector<double> whole = tanh(x).to_vector();
  for (int64_t i = 0; i < 37; ++i) EXPECT_EQ(tanh(slice(x, 0, i, i + 1)).item(), whole[size_t(i)]);
}

TEST(Elementwise, Errors) {
  const Tensor x = zeros({2, 3}), y = zeros({2, 3}, Dtype::float64), mask = zeros({3}, Dtype::boolean);
  EXPECT_EQ(error_of<DtypeError>([&] { add(x, y); }),
            "add: got float32 (2,3) and float64 (2,3), wanted one dtype; convert one with to()");
  EXPECT_EQ(error_of<ShapeError>([&] { mul(x, zeros({4})); }),
            "mul: shapes (2,3) and (4) do not broadcast, extents 3 and 4 differ; reshape one of them");
  EXPECT_EQ(error_of<DtypeError>([&] { exp(labels({1})); }),
            "exp: got int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { add(mask, mask); }),
            "add: got bool, wanted float32, float64 or int64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { labels({1}) * 0.5; }),
            "mul: got int64 and the number 0.5, wanted a whole one; convert the tensor with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { where(x, x, x); }),
            "where: got a mask of float32, wanted bool; make one with a comparison");
  EXPECT_EQ(error_of<DtypeError>([&] { where(mask, x, y); }),
            "where: got float32 (2,3) and float64 (2,3), wanted one dtype; convert one with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { lt(x, mask); }),
            "lt: got float32 (2,3) and bool (3), wanted one dtype; convert one with to()");
  EXPECT_EQ(error_of<ParamError>([&] { clamp(x, 2, 1); }), "clamp: low is 2 and high is 1; choose low <= high");
  EXPECT_EQ(error_of<ParamError>([&] { softplus(x, 0); }), "softplus: beta is 0, wanted a number above 0");
}

}  // namespace
}  // namespace gradus
