// A loss of one's own, outside the library: defined, trained with and certified.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/core/formula.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compile.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/registry.h"

namespace {

using namespace gradus;

// [own loss]
struct Cauchy {  // log(1 + (e / scale)²): an outlier's pull fades away
  Param scale = 1.0;
  static constexpr Input<Cauchy> inputs[] = {element("input"), element("target"), scalar("scale", &Cauchy::scale, range::positive)};
  static constexpr About about = {.name = "cauchy_loss", .family = "regression", .summary = "", .formula = "", .gradient = ""};
  static constexpr Example examples[] = {{R"({"input": [1], "target": [0]})", 0.6931471805599453, "log 2"}};
  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T y, T s) {
    T r = (x - y) / s, q = 1.0 + r * r, g = 2.0 * r / (q * s);
    return {log1p(r * r), {g, -g, -r * g}};
  }
};
constexpr Loss<Cauchy> cauchy_loss;
// [own loss]

TEST(OwnLoss, GivesValueAndGradients) {
  const Tensor x = tensor({2, -1}, Dtype::float64).requires_grad(true), y = zeros({2}, Dtype::float64);
  const Tensor loss = cauchy_loss(x, y, {.scale = 2.0}, Reduction::sum);
  backward(loss);
  EXPECT_DOUBLE_EQ(loss.item(), std::log(2.0) + std::log(1.25));
  EXPECT_DOUBLE_EQ(x.grad().at({0}), 2 * 2 / (4.0 + 4));
  EXPECT_DOUBLE_EQ(x.grad().at({1}), -2 * 1 / (4.0 + 1));
}

TEST(OwnLoss, TrainsALineThroughOutliers) {
  Tensor slope = zeros({1, 1}).requires_grad(true);
  const Tensor x = tensor({{1}, {2}, {3}, {4}}), y = tensor({{2}, {4}, {6}, {100}});  // y = 2x, but for one
  for (int step = 0; step < 400; ++step) {
    slope.zero_grad();
    backward(cauchy_loss(matmul(x, slope), y));
    const NoGrad quiet;
    Tensor to = slope;
    to.set({0, 0}, slope.item() - 0.05 * slope.grad().item());
  }
  EXPECT_NEAR(slope.item(), 2.0, 0.1);
}

TEST(OwnLoss, ChecksItsParameters) {
  try {
    cauchy_loss(ones({2}), ones({2}), {.scale = 0.0});
    FAIL();
  } catch (const ParamError& e) {
    EXPECT_STREQ(e.what(), "cauchy_loss: scale is 0, wanted a value > 0");
  }
}

}  // namespace
