// Num, Mask and Ints of one lane, of one register and of several: each lane does what the plain scalar would.
#include "gradus/core/number.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace gradus {
namespace {

template <class T> class NumberTest : public testing::Test {};
using Types = testing::Types<Num<float>, Num<float, 4>, Num<float, 8>, Num<float, 16>, Num<float, 32>, Num<double>,
                             Num<double, 2>, Num<double, 4>, Num<double, 8>, Num<double, 16>>;
TYPED_TEST_SUITE(NumberTest, Types);

template <class F> using Limits = std::numeric_limits<F>;

// Every kind of number beside every other.
template <class F> std::vector<F> samples() {
  F nan = Limits<F>::quiet_NaN(), inf = Limits<F>::infinity();
  return {0,   F(-0.0), 1, -1,   F(0.5), F(1.5), F(2.5), F(-2.5),          F(-0.3),
          nan, inf,     3, -inf, -nan,   F(1e9), 7,      Limits<F>::max(), Limits<F>::denorm_min()};
}
template <class F> auto bits(F x) { return std::bit_cast<IntBeside<F>>(x); }
template <class F> void expect_same(F got, F want, const char* what) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << what;
  } else {
    EXPECT_EQ(bits(got), bits(want)) << what << ": " << got << ", wanted " << want;
  }
}
template <class T> T pack_of(const std::vector<typename T::Scalar>& values, size_t from) {
  T x;
  for (int i = 0; i < T::size; ++i) x.set(i, values[(from + i) % values.size()]);
  return x;
}

TYPED_TEST(NumberTest, ArithmeticIsThatOfEachLane) {
  using T = TypeParam;
  using F = typename T::Scalar;
  auto values = samples<F>();
  for (size_t s = 0; s < values.size(); ++s)
    for (size_t t = 0; t < values.size(); ++t) {
      T x = pack_of<T>(values, s), y = pack_of<T>(values, t);
      T results[] = {x + y, x - y, x * y, x / y, -x, abs(x), copysign(x, y), fma(x, y, x), sqrt(x), floor(x), round(x)};
      for (int i = 0; i < T::size; ++i) {
        F a = x.lane(i), b = y.lane(i);
        F wanted[] = {a + b,
                      a - b,
                      a * b,
                      a / b,
                      -a,
                      std::abs(a),
                      std::copysign(a, b),
                      std::fma(a, b, a),
                      std::sqrt(a),
                      std::floor(a),
                      std::nearbyint(a)};
        for (int k = 0; k < 11; ++k) expect_same(results[k].lane(i), wanted[k], "operation");
        if (std::isnan(a)) continue;
        EXPECT_EQ(bits(abs(x).lane(i)), bits(std::abs(a)));  // the sign of zero
      }
    }
}

TYPED_TEST(NumberTest, ComparisonsAndSelectAreThoseOfEachLane) {
  using T = TypeParam;
  using F = typename T::Scalar;
  auto values = samples<F>();
  for (size_t s = 0; s < values.size(); ++s)
    for (size_t t = 0; t < values.size(); ++t) {
      T x = pack_of<T>(values, s), y = pack_of<T>(values, t);
      typename T::Mask masks[] = {x<y, x> y,           x <= y,  x >= y, x == y, x != y, is_nan(x), (x < y) & (x > 0.0),
                                  (x < y) | (x > 0.0), !(x < y)};
      for (int i = 0; i < T::size; ++i) {
        F a = x.lane(i), b = y.lane(i);
        bool wanted[] = {a<b, a> b,     a <= b,         a >= b,         a == b,  a != b,
                         std::isnan(a), a < b && a > 0, a < b || a > 0, !(a < b)};
        for (int k = 0; k < 10; ++k) {
          EXPECT_EQ(masks[k].lane(i), wanted[k]) << k << " of " << a << " and " << b;
          expect_same(select(masks[k], x, y).lane(i), wanted[k] ? a : b, "select");
        }
      }
    }
}

TYPED_TEST(NumberTest, MaxMinAndClampKeepANanInTheFirstAndDropOneInTheSecond) {
  using T = TypeParam;
  using F = typename T::Scalar;
  auto values = samples<F>();
  for (size_t s = 0; s < values.size(); ++s)
    for (size_t t = 0; t < values.size(); ++t) {
      T x = pack_of<T>(values, s), y = pack_of<T>(values, t);
      for (int i = 0; i < T::size; ++i) {
        F a = x.lane(i), b = y.lane(i);
        expect_same(max(x, y).lane(i), a < b ? b : a, "max");
        expect_same(min(x, y).lane(i), b < a ? b : a, "min");
        expect_same(clamp(x, -1.0, 2.0).lane(i), std::isnan(a) ? a : a < -1 ? F(-1) : a > 2 ? F(2) : a, "clamp");
      }
    }
}

TYPED_TEST(NumberTest, LiteralsTakeThePrecisionOfTheNumber) {
  using T = TypeParam;
  using F = typename T::Scalar;
  T x = 1;
  for (int i = 0; i < T::size; ++i) {
    EXPECT_EQ((x * 0.1).lane(i), F(0.1));
    EXPECT_EQ((1 - x).lane(i), 0);
    EXPECT_TRUE(std::signbit(T(-0.0).lane(i)));
    EXPECT_EQ(max(0, x).lane(i), 1);
    EXPECT_EQ(select(x > 0, x, 0).lane(i), 1);
    EXPECT_EQ(select(0.0 > x, x, 7).lane(i), 7);
    EXPECT_EQ(T::lowest().lane(i), Limits<F>::lowest());
    EXPECT_EQ(T::highest().lane(i), Limits<F>::max());
    EXPECT_EQ(T::infinity().lane(i), Limits<F>::infinity());
  }
  x += 2, x *= 3, x -= 1, x /= 4;
  EXPECT_EQ(x.lane(T::size - 1), 2);
}

TYPED_TEST(NumberTest, SomeAndAllSeeEveryLane) {
  using T = TypeParam;
  T zero = 0.0;
  EXPECT_FALSE(some(zero > 0.0));
  EXPECT_TRUE(all(zero <= 0.0));
  for (int i = 0; i < T::size; ++i) {
    T x = zero;
    x.set(i, 1);
    EXPECT_TRUE(some(x > 0.0)) << i;
    EXPECT_FALSE(all(x <= 0.0)) << i;
  }
}

TYPED_TEST(NumberTest, ATailTouchesNoMemoryBeyondItAndRepeatsItsLast) {
  using T = TypeParam;
  using F = typename T::Scalar;
  for (int n = 1; n <= T::size; ++n) {
    std::vector<F> exact(n);  // the sanitizers watch its end
    for (int i = 0; i < n; ++i) exact[i] = F(i + 1);
    T x = T::load_first(exact.data(), n);
    for (int i = 0; i < T::size; ++i) EXPECT_EQ(x.lane(i), F(std::min(i, n - 1) + 1));
    std::vector<F> out(T::size, F(-1));
    x.store_first(out.data(), n);
    for (int i = 0; i < T::size; ++i) EXPECT_EQ(out[i], i < n ? F(i + 1) : F(-1));
  }
}

TYPED_TEST(NumberTest, LoadsAndStoresAtAnyAddress) {
  using T = TypeParam;
  using F = typename T::Scalar;
  std::vector<F> memory(T::size + 1), out(T::size + 1);
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = F(i);
  T::load(memory.data() + 1).store(out.data() + 1);
  for (int i = 1; i <= T::size; ++i) EXPECT_EQ(out[i], F(i));
}

TYPED_TEST(NumberTest, IntsCompareAddAndBecomeNumbers) {
  using T = TypeParam;
  using I = Index<T>;
  I columns = iota<I>(5), label = 6;
  label.set(0, -1);
  typename T::Mask masks[] = {columns<label, columns> label, columns <= label, columns >= label, columns == label,
                              columns != label};
  for (int i = 0; i < T::size; ++i) {
    int64_t a = 5 + i, b = i ? 6 : -1;
    bool wanted[] = {a<b, a> b, a <= b, a >= b, a == b, a != b};
    for (int k = 0; k < 6; ++k) EXPECT_EQ(masks[k].lane(i), wanted[k]) << k << " at lane " << i;
    EXPECT_EQ((columns + label).lane(i), a + b);
    EXPECT_EQ((columns - 1).lane(i), a - 1);
    EXPECT_EQ(select(label < 0, columns, 9).lane(i), b < 0 ? a : 9);
    EXPECT_EQ(T::from(label).lane(i), b);
    EXPECT_EQ(select(columns == label, T(1), 0).lane(i), a == b ? 1 : 0);
  }
}

TYPED_TEST(NumberTest, RotateMovesLanesAround) {
  using T = TypeParam;
  using I = Index<T>;
  T x = T::from(iota<I>(0));
  for (int by = 0; by < T::size; ++by)
    for (int i = 0; i < T::size; ++i) {
      EXPECT_EQ(rotate(x, by).lane(i), (i + by) % T::size);
      EXPECT_EQ(rotate(iota<I>(0), by).lane(i), (i + by) % T::size);
    }
}

TEST(Number, APackFillsTwoRegisters) {
  EXPECT_EQ(pack_lanes<float> * sizeof(float), 2u * register_bytes);
  EXPECT_EQ(sizeof(Num<float, pack_lanes<float>>), 2u * register_bytes);
  EXPECT_EQ(sizeof(Num<double, pack_lanes<double>>), 2u * register_bytes);
  EXPECT_EQ(sizeof(Num<float>), sizeof(float));
  EXPECT_EQ(sizeof(Ints<double, 4>::Int), 8u);
  EXPECT_EQ(sizeof(Ints<float, 4>::Int), 4u);
}

}  // namespace
}  // namespace gradus
