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
struct Andrews {  // 1 - cos(e / scale), and 2 from pi on: what lies too far pulls no more
  Param scale = 1.0;
  static constexpr Input<Andrews> inputs[] = {element("input"), element("target"),
                                              scalar("scale", &Andrews::scale, range::positive)};
  static constexpr About about = {
      .name = "andrews_loss", .family = "regression", .summary = "", .formula = "", .gradient = ""};
  static constexpr Example examples[] = {{R"({"input": [1], "target": [0]})", 0.45969769413186028, "1 - cos 1"}};
  template <class T> GRADUS_FN static Scored<T, 3> eval(T x, T y, T s) {
    T r = (x - y) / s;
    auto far = abs(r) > 3.141592653589793;
    T g = select(far, 0.0, sin(r)) / s;
    return {select(far, 2.0, 1.0 - cos(r)), {g, -g, -r * g}};
  }
};
constexpr Loss<Andrews> andrews_loss;
// [own loss]

TEST(OwnLoss, GivesValueAndGradients) {
  const Tensor x = tensor({2, -1}, Dtype::float64).requires_grad(true), y = zeros({2}, Dtype::float64);
  const Tensor loss = andrews_loss(x, y, {.scale = 2.0}, Reduction::sum);
  backward(loss);
  EXPECT_DOUBLE_EQ(loss.item(), 2 - std::cos(1.0) - std::cos(0.5));
  EXPECT_DOUBLE_EQ(x.grad().at({0}), std::sin(1.0) / 2);
  EXPECT_DOUBLE_EQ(x.grad().at({1}), -std::sin(0.5) / 2);
}

TEST(OwnLoss, TrainsALineThroughOutliers) {
  Tensor slope = zeros({1, 1}).requires_grad(true);
  const Tensor x = tensor({{1}, {2}, {3}, {4}}), y = tensor({{2}, {4}, {6}, {100}});  // y = 2x, but for one
  for (int step = 0; step < 400; ++step) {
    slope.zero_grad();
    backward(andrews_loss(matmul(x, slope), y, {.scale = 2.0}));
    const NoGrad quiet;
    Tensor to = slope;
    to.set({0, 0}, slope.item() - 0.05 * slope.grad().item());
  }
  EXPECT_NEAR(slope.item(), 2.0, 0.1);
}

TEST(OwnLoss, ChecksItsParameters) {
  try {
    andrews_loss(ones({2}), ones({2}), {.scale = 0.0});
    FAIL();
  } catch (const ParamError& e) { EXPECT_STREQ(e.what(), "andrews_loss: scale is 0, wanted a value > 0"); }
}

}  // namespace
