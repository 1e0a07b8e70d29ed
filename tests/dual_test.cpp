// Dual numbers: every rule against mpmath to second order, ties and branches, and the edges where a rule would multiply
// zero by infinity.
#include "gradus/core/dual.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "maths_reference.h"

namespace gradus {
namespace {

using First = Dual<Num<double>>;
using Second = Dual<First>;

constexpr double inf = std::numeric_limits<double>::infinity();

First moving(double x) { return {x, 1.0}; }
First resting(double x) { return {x, 0.0}; }
Second moving_twice(double x) { return {First(x, 1.0), First(1.0)}; }
double slope(First x) { return x.d.v; }

void expect_close(double got, double want, double relative, double absolute, const std::string& what) {
  EXPECT_LE(std::abs(got - want), relative * std::abs(want) + absolute) << what << " is " << got << ", not " << want;
}

void expect_orders(Second y, const test::UnaryRow& row, const std::string& name) {
  std::string what = name + "(" + std::to_string(row.x) + ")";
  expect_close(y.v.v.v, row.value, 1e-14, 0, what);
  expect_close(y.v.d.v, row.first, 1e-14, 0, what + "'");
  expect_close(y.d.v.v, row.first, 1e-14, 0, what + "'");
  if (std::isfinite(row.second)) expect_close(y.d.d.v, row.second, 1e-13, 3e-15, what + "''");  // it may cancel
}

TEST(Dual, FollowsEveryFunctionToSecondOrder) {
  for (const test::UnaryRow& row : test::unary_reference()) {
    expect_orders(test::call(row.function, moving_twice(row.x)), row, row.function);
    if (test::is_negative_exp(row)) expect_orders(exp_negative(moving_twice(row.x)), row, "exp_negative");
    if (test::is_unit_log1p(row)) expect_orders(log1p_unit(moving_twice(row.x)), row, "log1p_unit");
  }
}

TEST(Dual, FollowsFunctionsOfTwoAlongEach) {
  for (const test::BinaryRow& row : test::binary_reference()) {
    std::string what = row.function + "(" + std::to_string(row.x) + ", " + std::to_string(row.y) + ")";
    First along_x = test::call(row.function, moving(row.x), resting(row.y));
    First along_y = test::call(row.function, resting(row.x), moving(row.y));
    expect_close(along_x.v.v, row.value, 1e-15, 1e-16, what);
    expect_close(slope(along_x), row.along_x, 2e-15, 0, what + " along x");
    expect_close(slope(along_y), row.along_y, 2e-15, 0, what + " along y");
  }
}

TEST(Dual, ArithmeticHasItsTextbookRules) {
  First x(3.0, 0.5), y(-7.0, 2.0);
  EXPECT_EQ(slope(x + y), 2.5);
  EXPECT_EQ(slope(x - y), -1.5);
  EXPECT_EQ(slope(-x), -0.5);
  EXPECT_EQ(slope(x * y), 0.5 * -7 + 3 * 2.0);
  EXPECT_DOUBLE_EQ(slope(x / y), (0.5 * -7 - 3 * 2.0) / 49);
  EXPECT_EQ(slope(fma(x, y, moving(1))), 0.5 * -7 + 3 * 2.0 + 1);
  EXPECT_EQ(slope(copysign(x, y)), -0.5);
  EXPECT_EQ(slope(copysign(y, x)), -2.0);
  EXPECT_EQ(slope(copysign(x, moving(1))), 0.5);
  EXPECT_EQ(slope(floor(x)), 0);
  EXPECT_EQ(slope(round(y)), 0);
  EXPECT_EQ(slope(First(4.0)), 0);
  x += y;
  EXPECT_EQ(x.v.v, -4);
  EXPECT_EQ(slope(x), 2.5);
}

TEST(Dual, SecondOrderOfTwoVariablesIsTheMixedDerivative) {
  // f = x^y: the derivative along x, then y, is x^(y - 1) (1 + y log x).
  Second x(First(1.7, 1.0), First(0.0)), y(First(2.5, 0.0), First(1.0));
  EXPECT_NEAR(pow(x, y).d.d.v, std::pow(1.7, 1.5) * (1 + 2.5 * std::log(1.7)), 1e-14);
  EXPECT_NEAR((x * y / (x + y)).d.d.v, 2 * 1.7 * 2.5 / std::pow(4.2, 3), 1e-16);
}

TEST(Dual, TheBranchTakenGivesTheDerivativeAndATieKeepsTheFirst) {
  EXPECT_EQ(slope(abs(moving(-2))), -1);
  EXPECT_EQ(slope(abs(moving(2))), 1);
  EXPECT_EQ(slope(abs(moving(0))), 1);
  EXPECT_EQ(slope(max(moving(1), resting(1))), 1);
  EXPECT_EQ(slope(max(resting(1), moving(1))), 0);
  EXPECT_EQ(slope(min(moving(1), resting(1))), 1);
  EXPECT_EQ(slope(min(resting(1), moving(1))), 0);
  EXPECT_EQ(slope(clamp(moving(2), -1, 1)), 0);
  EXPECT_EQ(slope(clamp(moving(1), -1, 1)), 1);
  EXPECT_EQ(slope(positive(moving(0))), 0);
  EXPECT_EQ(slope(sign(moving(0))), 0);
  EXPECT_EQ(slope(sign(moving(-3))), 0);
  EXPECT_EQ(slope(select(moving(1) > 0, 0, moving(1))), 0);
}

TEST(Dual, SmoothFunctionsAreRightWhereTheirBranchesMeet) {
  // 0 for softplus and sigmoid, -ln 2 for log1mexp, 1 for log_cosh, equal arguments for log_add_exp.
  EXPECT_EQ(slope(softplus(moving(0))), 0.5);
  EXPECT_EQ(slope(softplus(moving(-0.0))), 0.5);
  EXPECT_EQ(slope(sigmoid(moving(0))), 0.25);
  EXPECT_EQ(softplus(moving_twice(0)).d.d.v, 0.25);
  EXPECT_EQ(log_cosh(moving_twice(0)).value.d.d.v, 1);
  EXPECT_EQ(slope(log_cosh(moving(0)).value), 0);
  for (double at :
       {-0.6931471805599453, std::nextafter(-0.6931471805599453, 0), std::nextafter(-0.6931471805599453, -1)})
    EXPECT_NEAR(slope(log1mexp(moving(at))), -1, 1e-14);
  for (double at : {1.0, std::nextafter(1.0, 0), -1.0})
    EXPECT_NEAR(slope(log_cosh(moving(at)).value), std::tanh(at), 1e-15);
  EXPECT_EQ(slope(log_add_exp(moving(3), resting(3))), 0.5);
  EXPECT_EQ(slope(log_add_exp(resting(3), moving(3))), 0.5);
  Second a = log_add_exp(moving_twice(3), Second(3));
  EXPECT_NEAR(a.d.d.v, 0.25, 1e-15);
}

TEST(Dual, ProductsOfZeroAndInfinityDoNotAppear) {
  EXPECT_EQ(slope(pow(moving(0), resting(2))), 0);
  EXPECT_EQ(slope(pow(moving(0), resting(1))), 1);
  EXPECT_EQ(slope(pow(moving(0), resting(0))), 0);
  EXPECT_EQ(slope(pow(resting(0), moving(2))), 0);
  EXPECT_EQ(slope(pow(moving(-3), resting(2))), -6);
  EXPECT_EQ(slope(pow(moving(-3), 3)), 27);
  EXPECT_EQ(pow(moving_twice(-3), 3).d.d.v, -18);
  EXPECT_EQ(slope(xlogy(moving(0), resting(0))), 0);
  EXPECT_EQ(slope(xlogy(resting(0), moving(0))), 0);
  EXPECT_EQ(slope(xlogy(resting(0), First(inf, 1.0))), 0);
  EXPECT_EQ(slope(xlogy(moving(0), resting(2))), std::log(2));
  EXPECT_EQ(slope(softplus(moving(1e300))), 1);
  EXPECT_EQ(slope(softplus(moving(-1e300))), 0);
  EXPECT_EQ(slope(sigmoid(moving(1e300))), 0);
  EXPECT_EQ(slope(log_cosh(moving(-1e300)).value), -1);
  EXPECT_EQ(slope(tanh(moving(1e300))), 0);
  EXPECT_EQ(slope(log1mexp(moving(-1e300))), 0);
  EXPECT_EQ(slope(log_add_exp(moving(1e300), resting(-1e300))), 1);
  EXPECT_EQ(slope(atan2(moving(1e300), resting(1e300))), 5e-301);
  EXPECT_TRUE(std::isnan(slope(pow(resting(-3), moving(2)))));  // x^y is complex beside it
}

TEST(Dual, CarriesPacksLaneByLane) {
  using Wide = Dual<Num<double, 8>>;
  std::vector<double> x(8), d(8);
  for (int i = 0; i < 8; ++i) x[i] = 0.3 * i - 1, d[i] = 1.0 / (i + 1);
  Wide y = softplus(Wide(Num<double, 8>::load(x.data()), Num<double, 8>::load(d.data()))) * 3.0;
  for (int i = 0; i < 8; ++i) {
    First one = softplus(First(x[i], d[i])) * 3.0;
    EXPECT_EQ(y.v.lane(i), one.v.v);
    EXPECT_EQ(y.d.lane(i), one.d.v);
  }
  EXPECT_EQ(rotate(y, 3).d.lane(7), y.d.lane(2));
  EXPECT_EQ(plain(y).lane(3), y.v.lane(3));
}

TEST(Dual, ConstantsHaveNoDerivative) {
  EXPECT_EQ(slope(First::lowest()), 0);
  EXPECT_EQ(First::highest().v.v, std::numeric_limits<double>::max());
  EXPECT_EQ(First::infinity().v.v, inf);
  EXPECT_EQ(slope(First::from(Index<First>(3))), 0);
  EXPECT_EQ(First::from(Index<First>(3)).v.v, 3);
  EXPECT_EQ(Second(Num<double>(2.0)).v.v.v, 2);
  EXPECT_EQ(Second(Num<double>(2.0)).d.v.v, 0);
}

}  // namespace
}  // namespace gradus
