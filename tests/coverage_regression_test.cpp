// Regression losses: what they have in common, where they differ, and what their gradients are bounded by.
#include <gtest/gtest.h>

#include <algorithm>

#include "calls.h"
#include "gradient.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

Tensor sum_of(const std::string& name, const Tensor& x, const Tensor& y, Options options = {}) {
  options.emplace_back("reduction", "sum");
  return call(name, {x, y}, options);
}
// The loss and its slope of one error e = x - 0.
struct At {
  double value, slope;
};
At at(const std::string& name, double e, const Options& options = {}) {
  const Tensor x = leaf({e});
  const Tensor loss = sum_of(name, x, doubles({0}), options);
  return {loss.item(), gradient(loss, x)[0]};
}

const Numbers predicted = {0.02, 0.176, 0.313}, wanted = {0.019, 0.234, 0.918};

TEST(Coverage, MeanSquaredErrorIsTheMeanOfTheSquares) {  // 1.2
  double mean = 0;
  for (size_t i = 0; i < 3; ++i) mean += (predicted[i] - wanted[i]) * (predicted[i] - wanted[i]) / 3;
  const auto f = [](const std::vector<Tensor>& in) { return call("mse_loss", in); };
  EXPECT_NEAR(f({doubles(predicted), doubles(wanted)}).item(), mean, 1e-16);
  expect_gradients(f, {leaf(uniform(6, 1), {2, 3}), leaf(uniform(6, 2), {2, 3})});
}

TEST(Coverage, TheRootOfTheMeanOnlyScalesTheGradient) {  // 1.3, 1.4, 4.18
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Tensor x = leaf(uniform(7, seed)), y = doubles(uniform(7, seed + 10));
    const Tensor square = call("mse_loss", {x, y}), root = call("rmse_loss", {x, y});
    EXPECT_NEAR(root.item() * root.item(), square.item(), 1e-15);
    EXPECT_LE(apart(gradient(root, x), times(gradient(square, x), 0.5 / root.item())), 1e-12);
  }
  EXPECT_NEAR(call("rmse_loss", {doubles(predicted), doubles(wanted)}).item(),
              std::sqrt((0.001 * 0.001 + 0.058 * 0.058 + 0.605 * 0.605) / 3), 1e-15);
  const Tensor x = leaf(wanted);
  const Tensor perfect = call("rmse_loss", {x, doubles(wanted)});
  EXPECT_EQ(perfect.item(), 0);
  EXPECT_EQ(gradient(perfect, x), Numbers(3, 0.0));
}

TEST(Coverage, TheAbsoluteErrorHasNoSlopeAtItsKink) {  // 1.5
  const Tensor x = leaf({1, 2, 3}), y = doubles({1, 0, 7});
  const Tensor loss = sum_of("l1_loss", x, y);
  EXPECT_EQ(gradient(loss, x), Numbers({0, 1, -1}));
  // Told of the tie, the gradient check does not compare it with a central difference, but reports both sides.
  GradcheckOptions options;
  options.reach = [](const std::vector<Tensor>& direction) {
    Reach reach;
    reach.tie = direction[0].at({0}) != 0;
    return reach;
  };
  const Report report =
      gradcheck([&](const std::vector<Tensor>& in) { return sum_of("l1_loss", in[0], y); }, {x}, options);
  EXPECT_TRUE(report.ok) << to_string(report);
  ASSERT_EQ(report.kinks.size(), 1u);
  EXPECT_EQ(report.kinks[0].element, 0);
  EXPECT_EQ(report.kinks[0].hand, 0);
  EXPECT_NEAR(report.kinks[0].below, -report.kinks[0].above, 1e-9);
}

// The constant that fits best, where the slope of the sum changes its sign.
double best_constant(const std::string& name, const Numbers& points) {
  const Tensor y = doubles(points);
  double low = -2000, high = 2000;
  while (high - low > 1e-9) {
    const double middle = (low + high) / 2;
    const Tensor x = leaf(Numbers(points.size(), middle));
    (total(gradient(sum_of(name, x, y), x)) < 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

TEST(Coverage, AnOutlierMovesTheMeanButNotTheMedian) {  // 1.6
  Numbers points = uniform(99, 3);
  points.push_back(1e3);
  Numbers sorted = points;
  std::sort(sorted.begin(), sorted.end());
  // Between the 50th and the 51st point every constant is a median; the slope is first no longer negative at the 50th.
  EXPECT_NEAR(best_constant("l1_loss", points), sorted[49], 1e-3);
  EXPECT_NEAR(best_constant("mse_loss", points), total(points) / 100, 1e-3);
  EXPECT_LT(std::abs(sorted[49]), 0.3);
  EXPECT_GT(total(points) / 100, 9);
}

TEST(Coverage, BothBranchesOfHuberMeetWithOneSlope) {  // 1.7
  for (double delta : {0.05, 1.0, 3.0})
    for (double sign : {-1.0, 1.0}) {
      const Options o = {{"delta", delta}};
      EXPECT_EQ(at("huber_loss", sign * delta, o).value, delta * delta / 2);
      EXPECT_EQ(at("huber_loss", sign * delta, o).slope, sign * delta);
      const double beyond = std::nextafter(delta, 9), before = std::nextafter(delta, 0);
      EXPECT_NEAR(at("huber_loss", sign * beyond, o).value, delta * delta / 2, 1e-14);
      EXPECT_NEAR(at("huber_loss", sign * before, o).value, delta * delta / 2, 1e-14);
      EXPECT_EQ(at("huber_loss", sign * beyond, o).slope, sign * delta);
      EXPECT_EQ(at("huber_loss", sign * before, o).slope, sign * before);
    }
}

TEST(Coverage, TheSlopeOfHuberIsBoundedByDelta) {  // 1.8
  for (double e : {4.0, 1e3, 1e300}) {
    EXPECT_EQ(at("huber_loss", e, {{"delta", 3.0}}).slope, 3);
    EXPECT_EQ(at("huber_loss", -e, {{"delta", 3.0}}).slope, -3);
  }
  const Tensor x = doubles(uniform(20, 4)), y = doubles(uniform(20, 5));
  EXPECT_NEAR(call("huber_loss", {x, y}, {{"delta", 1e-7}}).item() / 1e-7, call("l1_loss", {x, y}).item(), 1e-6);
  EXPECT_LT(call("huber_loss", {x, y}, {{"delta", 1e-7}}).item(), 1e-6)
      << "Huber itself tends to 0, not to the absolute error";
  EXPECT_DOUBLE_EQ(call("huber_loss", {x, y}, {{"delta", 1e6}}).item(), call("mse_loss", {x, y}).item() / 2);
}

TEST(Coverage, HuberIsDeltaTimesSmoothL1) {  // 1.9
  const Tensor x = leaf(uniform(40, 6, -5, 5)), y = doubles(uniform(40, 7));
  for (double d : {0.1, 0.5, 1.0, 2.0, 7.5}) {
    const Tensor huber = call("huber_loss", {x, y}, {{"delta", d}}),
                 smooth = call("smooth_l1_loss", {x, y}, {{"beta", d}});
    EXPECT_NEAR(huber.item(), d * smooth.item(), 1e-14);
    EXPECT_LE(apart(gradient(huber, x), times(gradient(smooth, x), d)), 1e-15);
  }
}

TEST(Coverage, LogCoshIsAParabolaNearAndALineFarAway) {  // 1.10
  for (double e : {-3.0, -0.5, 0.0, 0.1, 2.0}) {
    EXPECT_NEAR(at("log_cosh_loss", e).value, std::log(std::cosh(e)), 1e-15);
    EXPECT_NEAR(at("log_cosh_loss", e).slope, std::tanh(e), 1e-15);
  }
  EXPECT_NEAR(at("log_cosh_loss", 1e-4).value, 4.9999999916666667e-9, 1e-23);  // e²/2 - e⁴/12 + …
  for (double e : {50.0, 1e4}) EXPECT_DOUBLE_EQ(at("log_cosh_loss", -e).value, e - std::log(2.0));
  EXPECT_EQ(at("log_cosh_loss", 1e4).slope, 1);
  const Tensor x = tensor({1e4, -1e4}).requires_grad(true);
  const Tensor single = call("log_cosh_loss", {x, zeros({2})}, {{"reduction", "none"}});
  EXPECT_NEAR(single.at({0}), 1e4 - std::log(2.0), 1e-3);
  EXPECT_EQ(gradient(single, x), Numbers({1, -1}));
}

TEST(Coverage, AGradientIsTheDifferenceOfItsCurve) {  // 1.34
  struct Curve {
    std::string name;
    Options options;
    double target;
  };
  std::vector<Curve> curves = {{"mse_loss", {}, 0}, {"l1_loss", {}, 0}, {"log_cosh_loss", {}, 0}};
  for (double delta : {0.5, 1.0, 2.0}) curves.push_back({"huber_loss", {{"delta", delta}}, 0});
  for (double gamma : {0.0, 0.5, 1.0, 2.0, 5.0}) curves.push_back({"sigmoid_focal_loss", {{"gamma", gamma}}, 1});
  constexpr int n = 401;
  constexpr double h = 1e-5;
  for (const Curve& c : curves) {
    Numbers middle, below, above;
    for (int i = 0; i < n; ++i) {
      const double x = -4 + 8.0 * i / (n - 1) + 0.003;  // off the kinks
      middle.push_back(x), below.push_back(x - h), above.push_back(x + h);
    }
    const Tensor y = doubles(Numbers(n, c.target)), x = leaf(middle);
    const Numbers slope = gradient(sum_of(c.name, x, y, c.options), x);
    const Numbers low = values(c.name, {doubles(below), y}, c.options),
                  high = values(c.name, {doubles(above), y}, c.options);
    for (size_t i = 0; i < n; ++i)
      EXPECT_NEAR(slope[i], (high[i] - low[i]) / (2 * h), 1e-5) << c.name << " at " << middle[i];
  }
}

TEST(Coverage, AHugeErrorHasASmallHuberGradient) {  // 1.35
  EXPECT_EQ(at("mse_loss", 1e6).slope, 2e6);
  EXPECT_EQ(at("huber_loss", 1e6).slope, 1);
}

TEST(Coverage, MeanAndSumOfTheAbsoluteErrorByHand) {  // 3.5
  const Tensor x = doubles({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4}), y = doubles({2, 2, 5, 4, 1, 6, 7, 0}, {2, 4});
  EXPECT_EQ(call("l1_loss", {x, y}, {{"reduction", "sum"}}).item(), 1 + 2 + 4 + 8);
  EXPECT_EQ(call("l1_loss", {x, y}).item(), 15 / 8.);
  EXPECT_EQ(call("l1_loss", {y, x}).item(), 15 / 8.);
}

TEST(Coverage, OneChangedElementIsTheWholeError) {  // 3.6
  Tensor x = doubles({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4});
  const Tensor y = x.clone();
  x.set({0, 1}, 6);
  EXPECT_EQ(call("mse_loss", {x, y}).item(), 16 / 8.);
  Tensor trained = leaf({1, 2});
  EXPECT_EQ(error_of<StateError>([&] { trained.set({0}, 3); }),
            "set: a leaf that requires a gradient cannot be changed in place while recording; use a NoGrad block");
  EXPECT_EQ(trained.to_vector(), Numbers({1, 2})) << "nothing was written";
}

TEST(Coverage, MeanSquaredErrorHasItsGradientToTheLastBit) {  // 4.17
  const Numbers a = uniform(15, 8), b = uniform(15, 9);
  const Tensor x = leaf(a, {3, 5});
  call("mse_loss", {x, doubles(b, {3, 5})}).backward();
  const Numbers g = x.grad().to_vector();
  for (size_t i = 0; i < 15; ++i) EXPECT_NEAR(g[i], 2 * (a[i] - b[i]) / 15, 1e-15);
}

TEST(Coverage, PenaltiesAreWhatWeightDecayAdds) {  // 4.23
  const Numbers w = {0, -2, 0.5, 3};
  const auto slope = [&](const std::string& name, const Options& options) {
    const Tensor x = leaf(w);
    return gradient(call(name, {x}, options), x);
  };
  EXPECT_DOUBLE_EQ(call("l1_penalty", {doubles(w)}, {{"l1", 0.1}}).item(), 0.55);
  EXPECT_DOUBLE_EQ(call("l2_penalty", {doubles(w)}, {{"l2", 0.1}}).item(), 0.05 * 13.25);
  EXPECT_DOUBLE_EQ(call("l2_penalty", {doubles(w)}, {{"l2", 0.1}, {"half", 0.0}}).item(), 0.1 * 13.25);
  EXPECT_DOUBLE_EQ(call("elastic_net_penalty", {doubles(w)}, {{"l1", 0.1}, {"l2", 0.1}}).item(), 0.55 + 0.05 * 13.25);
  EXPECT_DOUBLE_EQ(call("lp_penalty", {doubles(w)}, {{"p", 3.0}, {"coef", 2.0}}).item(), 2 * (8 + 0.125 + 27));
  EXPECT_EQ(slope("l1_penalty", {}), Numbers({0, -1, 1, 1})) << "0 at 0";
  EXPECT_LE(apart(slope("l2_penalty", {{"l2", 0.1}}), {0, -0.2, 0.05, 0.3}), 1e-16);
  EXPECT_LE(apart(slope("elastic_net_penalty", {{"l1", 1.0}, {"l2", 0.1}}), {0, -1.2, 1.05, 1.3}), 1e-15);
  EXPECT_EQ(slope("lp_penalty", {{"p", 1.0}}), Numbers({0, -1, 1, 1}));
}

}  // namespace
}  // namespace gradus
