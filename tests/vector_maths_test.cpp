// The vector maths: errors in units in the last place over all exponents and signs, special values, and equal bits for
// a lane wherever it stands.  References: the C library in double, and mpmath's tables.
#include "gradus/core/vector_maths.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "maths_reference.h"

namespace gradus {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
constexpr float tiny = std::numeric_limits<float>::denorm_min(), largest = std::numeric_limits<float>::max();

using Wide = Num<float, pack_lanes<float>>;

// The distance of a float from the exact value, in units in the last place of a float there.
double ulps(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : inf;
  if (std::isinf(exact)) return got == exact ? 0 : inf;
  if (std::isnan(got)) return inf;
  int exponent;
  std::frexp(std::min(std::abs(exact), double(largest)), &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  if (std::isinf(got)) return std::abs(exact) >= double(largest) + unit / 2 && (got > 0) == (exact > 0) ? 0 : inf;
  return std::abs(got - exact) / unit;
}

struct Case {
  std::string name;
  double bound;
  float low, high;  // the domain of the specialised forms
  double (*reference)(double);
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  auto sigmoid = [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); };
  auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  auto log1mexp = [](double x) { return x > -0.69 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x)); };
  auto log_cosh = [](double x) {
    double a = std::abs(x), s = std::sinh(a / 2);
    return a < 1 ? std::log1p(2 * s * s) : a + std::log1p(std::exp(-2 * a)) - 0.6931471805599453;
  };
  return {{"exp", 0.93, -inf, inf, std::exp},       {"exp_negative", 1.02, -inf, -0.0f, std::exp},
          {"expm1", 1.45, -inf, inf, std::expm1},   {"log", 0.83, -inf, inf, std::log},
          {"log1p", 1.42, -inf, inf, std::log1p},   {"log1p_unit", 1.99, 0, 1, std::log1p},
          {"tanh", 1.52, -inf, inf, std::tanh},     {"erf", 1.05, -inf, inf, std::erf},
          {"erfc", 3.5, -inf, inf, std::erfc},      {"sin", 1, -inf, inf, std::sin},
          {"cos", 1, -inf, inf, std::cos},          {"acos", 1, -1, 1, std::acos},
          {"sigmoid", 3, -inf, inf, sigmoid},       {"softplus", 3, -inf, inf, softplus},
          {"log1mexp", 2.1, -inf, -0.0f, log1mexp}, {"log_cosh", 6.5, -inf, inf, log_cosh}};
}

class VectorMaths : public testing::TestWithParam<Case> {
 protected:
  // Evaluates a pack and reports the first lane beyond the bound.
  void check(const std::vector<float>& xs) {
    float got[Wide::size];
    test::call(GetParam().name, Wide::load_first(xs.data(), int(xs.size()))).store(got);
    for (size_t i = 0; i < xs.size(); ++i) {
      double exact = GetParam().reference(xs[i]), error = ulps(got[i], exact);
      if (error > GetParam().bound && failures_++ == 0)
        ADD_FAILURE() << GetParam().name << "(" << xs[i] << ") is " << got[i] << ", " << error << " ulp from " << exact;
      if (exact == 0 && std::signbit(got[i]) != std::signbit(exact) && failures_++ == 0)
        ADD_FAILURE() << GetParam().name << "(" << xs[i] << ") is a zero of the wrong sign";
    }
  }
  void add(float x) {
    if (x < GetParam().low || x > GetParam().high) return;
    waiting_.push_back(x);
    if (waiting_.size() == Wide::size) flush();
  }
  void flush() {
    if (!waiting_.empty()) check(waiting_);
    waiting_.clear();
  }

 private:
  std::vector<float> waiting_;
  int failures_ = 0;
};

TEST_P(VectorMaths, StaysWithinItsBoundOverAllExponentsAndSigns) {
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 4099) add(std::bit_cast<float>(uint32_t(bits)));
  flush();
}

TEST_P(VectorMaths, StaysWithinItsBoundWhereLossesLive) {
  for (float x = -20; x < 20; x += 0x1.01p-13f) add(x);
  for (float x = -1e-3f; x < 3; x += 0x1.01p-17f) add(x);
  flush();
}

TEST_P(VectorMaths, StaysWithinItsBoundBesideItsSeams) {
  for (float seam : {0.0f,      0.5f,     0.625f,  0.70710678f, 0.927734375f,  1.0f,    1.41421356f, 2.0f,
                     17.5f,     87.33f,   88.72f,  88.73f,      89.0f,         103.28f, 103.97f,     104.0f,
                     0x1p-126f, 0x1p-24f, 0x1p24f, 0x1p127f,    2.4061596e38f, largest, tiny})
    for (float sign : {-1.0f, 1.0f}) {
      float up = sign * seam, down = up;
      for (int i = 0; i < 200; ++i, up = std::nextafter(up, inf), down = std::nextafter(down, -inf)) add(up), add(down);
    }
  for (int k = -150; k <= 128; ++k)  // where the reduction by ln(2) changes its multiple
    for (double shift : {0.5, 0.585}) {
      float x = float((k + shift) * 0.6931471805599453);
      for (int i = 0; i < 20; ++i, x = std::nextafter(x, inf)) add(x);
    }
  flush();
}

TEST_P(VectorMaths, KeepsSpecialValues) {
  for (float x : {0.0f, -0.0f, inf, -inf, nan, -nan, tiny, -tiny, largest, -largest, 1.0f, -1.0f, 3e38f}) {
    if (!std::isnan(x) && (x < GetParam().low || x > GetParam().high)) continue;
    check({x});
  }
}

// A lane's bits may not depend on how many lanes stand beside it, nor on its place: tails would differ from full packs.
TEST_P(VectorMaths, GivesALaneTheSameBitsInEveryPack) {
  std::vector<float> xs;
  for (int i = 0; i < 64; ++i)
    xs.push_back((GetParam().low < 0 ? -1 : 1) * (i + 0.37f) / (GetParam().high == 1 ? 70 : 7));
  xs[3] = GetParam().low < 0 ? -inf : 0, xs[9] = nan, xs[20] = std::abs(GetParam().low) < 1 ? tiny : -tiny;
  auto run = [&]<int N>(Num<float, N>) {
    std::vector<float> out(xs.size());
    for (size_t i = 0; i < xs.size(); i += N) test::call(GetParam().name, Num<float, N>::load(&xs[i])).store(&out[i]);
    return out;
  };
  auto four = run(Num<float, 4>()), eight = run(Num<float, 8>()), sixteen = run(Num<float, 16>()),
       many = run(Num<float, 32>());
  for (size_t i = 0; i < xs.size(); ++i) {
    float tail[1];
    test::call(GetParam().name, Wide::load_first(&xs[i], 1)).store_first(tail, 1);
    for (float other : {eight[i], sixteen[i], many[i], tail[0]}) {
      if (std::isnan(four[i]) && std::isnan(other)) continue;  // which NaN is the compiler's choice
      EXPECT_EQ(std::bit_cast<uint32_t>(other), std::bit_cast<uint32_t>(four[i])) << GetParam().name << " at " << xs[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, VectorMaths, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(VectorMathsTables, FloatAgreesWithMpmath) {
  auto bound = [](const std::string& name) {
    for (const Case& c : cases())
      if (c.name == name) return c.bound;
    return 4.0;
  };
  for (const test::UnaryRow& row : test::unary_reference()) {
    if (row.function == "digamma") continue;  // it cancels at its root
    float got = test::call(row.function, Wide(row.x)).lane(0);
    EXPECT_LE(ulps(got, row.value), bound(row.function)) << row.function << "(" << row.x << ")";
  }
}

TEST(VectorMathsTables, DoubleAgreesWithMpmath) {
  for (const test::UnaryRow& row : test::unary_reference()) {
    double pack = test::call(row.function, Num<double, 4>(row.x)).lane(2);
    double one = test::call(row.function, Num<double>(row.x)).lane(0);
    EXPECT_NEAR(pack, row.value, 1e-14 * std::abs(row.value)) << row.function << "(" << row.x << ")";
    EXPECT_EQ(pack, one) << row.function << "(" << row.x << ")";
  }
  for (const test::BinaryRow& row : test::binary_reference()) {
    double got = test::call(row.function, Num<double, 4>(row.x), Num<double, 4>(row.y)).lane(1);
    EXPECT_NEAR(got, row.value, 1e-15 * std::abs(row.value) + 1e-16)
        << row.function << "(" << row.x << ", " << row.y << ")";
  }
}

TEST(VectorMathsTables, PolygammaIsDefinedForPositiveNumbersOnly) {
  using D = Num<double>;
  EXPECT_NEAR(polygamma(0, D(1)).v, -0.57721566490153286, 1e-15);
  EXPECT_NEAR(polygamma(1, D(1)).v, 1.6449340668482264, 1e-15);
  EXPECT_NEAR(polygamma(2, D(1)).v, -2.4041138063191886, 1e-14);
  EXPECT_NEAR(polygamma(3, D(0.5)).v, 97.409091034002437, 1e-12);  // pi^4
  EXPECT_EQ(polygamma(0, D(inf)).v, inf);
  EXPECT_EQ(polygamma(1, D(inf)).v, 0);
  for (double x : {0.0, -1.0, -1.5, double(nan), -double(inf)}) EXPECT_TRUE(std::isnan(polygamma(0, D(x)).v)) << x;
}

TEST(VectorMathsTables, PowAgreesWithTheLibraryOnEveryPairOfKinds) {
  std::vector<float> values = {0.0f,      -0.0f,     1,         -1,    inf,   -inf,       nan,        tiny, -tiny,
                               largest,   -largest,  0.5f,      -0.5f, 2,     -2,         3,          -3,   1.5f,
                               -1.5f,     1e-3f,     -1e-3f,    100,   -100,  16777215,   16777216,   1e9f, -1e9f,
                               0x1p-126f, 0.999999f, 1.000001f, 7.3f,  -7.3f, 4194304.5f, -4194303.5f};
  for (float y = -4; y < 4; y += 0.37f) values.push_back(y);
  for (float x : values)
    for (float y : values) {
      float got = pow(Wide(x), Wide(y)).lane(0);
      double exact = std::pow(double(x), double(y));
      EXPECT_LE(ulps(got, exact), 0.54) << "pow(" << x << ", " << y << ") is " << got << ", not " << exact;
      EXPECT_TRUE(exact != 0 || std::signbit(got) == std::signbit(exact)) << "pow(" << x << ", " << y << ")";
    }
}

TEST(VectorMathsTables, PowStaysWithinItsBoundOverAllExponents) {
  for (float y : {0.5f, 2.0f, -1.0f, 2.5f, 17.0f, -0.01f})
    for (uint64_t bits = 0; bits < 0x7f800000u; bits += 20011) {
      float x = std::bit_cast<float>(uint32_t(bits));
      ASSERT_LE(ulps(pow(Wide(x), Wide(y)).lane(0), std::pow(double(x), double(y))), 0.54) << x << " to the " << y;
    }
}

TEST(Functions, EdgesAreThoseOfTheirDefinitions) {
  using T = Wide;
  auto at = [](auto fn, float x) { return fn(T(x)).lane(0); };
  auto sign_of = [](T x) { return sign(x); };
  auto positive_of = [](T x) { return positive(x); };
  EXPECT_EQ(at(sign_of, -3), -1);
  EXPECT_EQ(at(sign_of, tiny), 1);
  EXPECT_EQ(at(sign_of, 0), 0);
  EXPECT_EQ(at(sign_of, -inf), -1);
  EXPECT_TRUE(std::isnan(at(sign_of, nan)));
  EXPECT_EQ(at(positive_of, -3), 0);
  EXPECT_EQ(at(positive_of, 3), 3);
  EXPECT_TRUE(std::isnan(at(positive_of, nan)));
  EXPECT_EQ(square(T(-3)).lane(0), 9);
  auto xlogy_of = [](float x, float y) { return xlogy(T(x), T(y)).lane(0); };
  for (float y : {0.0f, -0.0f, -2.0f, inf, -inf, 5.0f}) EXPECT_EQ(xlogy_of(0, y), 0) << y;
  EXPECT_TRUE(std::isnan(xlogy_of(0, nan)));
  EXPECT_TRUE(std::isnan(xlogy_of(1, -1)));
  EXPECT_EQ(xlogy_of(2, 0), -inf);
  auto sum = [](float a, float b) { return log_add_exp(T(a), T(b)).lane(0); };
  EXPECT_EQ(sum(-inf, -inf), -inf);
  EXPECT_EQ(sum(inf, inf), inf);
  EXPECT_EQ(sum(inf, -inf), inf);
  EXPECT_EQ(sum(-inf, 3), 3);
  EXPECT_EQ(sum(1e30f, 1e30f), 1e30f);
  EXPECT_TRUE(std::isnan(sum(nan, 1)));
  EXPECT_TRUE(std::isnan(sum(1, nan)));
}

}  // namespace
}  // namespace gradus
