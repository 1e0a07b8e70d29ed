// Random numbers: the published vectors of Philox, the distributions of the fills, and that nothing depends on threads.
#include "gradus/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/core/philox.h"
#include "gradus/core/threads.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

constexpr int64_t draws = 100000;

template <class T, class Fill> std::vector<T> filled(int64_t n, Fill&& fill, uint64_t seed = 1) {
  Generator generator(seed);
  std::vector<T> values(n);
  fill(values.data(), n, generator);
  return values;
}
template <class T> std::vector<T> uniform(int64_t n, T low = 0, T high = 1, uint64_t seed = 1) {
  return filled<T>(n, [&](T* out, int64_t count, Generator& g) { fill_uniform(out, count, low, high, g); }, seed);
}
template <class T> std::vector<T> normal(int64_t n, T mean = 0, T std = 1, uint64_t seed = 1) {
  return filled<T>(n, [&](T* out, int64_t count, Generator& g) { fill_normal(out, count, mean, std, g); }, seed);
}
std::vector<int64_t> integers(int64_t n, int64_t low, int64_t high, uint64_t seed = 1) {
  return filled<int64_t>(
      n, [&](int64_t* out, int64_t count, Generator& g) { fill_integers(out, count, low, high, g); }, seed);
}
std::vector<uint8_t> bernoulli(int64_t n, double p, uint64_t seed = 1) {
  return filled<uint8_t>(n, [&](uint8_t* out, int64_t count, Generator& g) { fill_bernoulli(out, count, p, g); }, seed);
}
std::vector<int64_t> permuted(int64_t n, uint64_t seed = 1) {
  return filled<int64_t>(n, [](int64_t* out, int64_t count, Generator& g) { permutation(out, count, g); }, seed);
}

template <class T> double mean_of(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
template <class T> double std_of(const std::vector<T>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const T value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}
// The correlation of each value with the one `lag` places on.
template <class T> double autocorrelation(const std::vector<T>& values, size_t lag) {
  const double mean = mean_of(values);
  double sum = 0;
  for (size_t i = 0; i + lag < values.size(); ++i) sum += (values[i] - mean) * (values[i + lag] - mean);
  return sum / static_cast<double>(values.size() - lag) / std::pow(std_of(values), 2);
}

// By how many of its standard deviations Pearson's statistic of equally likely cells exceeds its expectation.
double chi_square_excess(const std::vector<int64_t>& counts) {
  const double cells = static_cast<double>(counts.size());
  const double expected = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0})) / cells;
  double statistic = 0;
  for (const int64_t count : counts) statistic += std::pow(static_cast<double>(count) - expected, 2) / expected;
  return (statistic - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

// The greatest distance between the values' distribution and the standard normal one.
template <class T> double distance_from_normal(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double below = 0.5 * std::erfc(-static_cast<double>(values[i]) / std::sqrt(2.0));
    distance = std::max({distance, std::abs(below - static_cast<double>(i) / static_cast<double>(values.size())),
                         std::abs(below - static_cast<double>(i + 1) / static_cast<double>(values.size()))});
  }
  return distance;
}

std::vector<uint32_t> words(uint64_t seed, uint64_t stream, uint64_t block) {
  const Philox4 bits = philox(seed, stream, block);
  return {bits.word, bits.word + 4};
}

// Salmon et al.: the known answers that come with Random123, philox4x32-10.
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(words(0, 0, 0), (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(UINT64_MAX, UINT64_MAX, UINT64_MAX),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, TakesBitsToNumbersAsStated) {
  EXPECT_EQ(uniform_from(uint32_t{0}), 0.0f);
  EXPECT_EQ(uniform_from(uint32_t{0x80000000}), 0.5f);
  EXPECT_EQ(uniform_from(UINT32_MAX), 1.0f - 0x1p-24f);
  EXPECT_EQ(uniform_from(uint64_t{1} << 63), 0.5);
  EXPECT_EQ(uniform_from(UINT64_MAX), 1.0 - 0x1p-53);
  EXPECT_EQ(joined(0x89abcdef, 0x01234567), 0x0123456789abcdefu);

  EXPECT_EQ(bernoulli_from(0, bernoulli_bound(0)), false);
  EXPECT_EQ(bernoulli_from(UINT32_MAX, bernoulli_bound(1)), true);
  EXPECT_EQ(bernoulli_from(0x7fffffff, bernoulli_bound(0.5)), true);
  EXPECT_EQ(bernoulli_from(0x80000000, bernoulli_bound(0.5)), false);

  EXPECT_EQ(integer_below(10, {{0, 0, 0, 0}}), 0u);
  EXPECT_EQ(integer_below(10, {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}}), 9u);
  EXPECT_EQ(integer_below(UINT64_MAX, {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}}), UINT64_MAX - 1);
  EXPECT_EQ(integer_below(10, {{0, 0, 0, 0x80000000}}), 5u);
  EXPECT_EQ(integer_below(10, {{UINT32_MAX, UINT32_MAX, UINT32_MAX, 0x7fffffff}}), 4u);
}

// Box and Muller's formula in 50 digits, by mpmath.
TEST(Philox, TakesBitsToNormalNumbers) {
  const auto check_float = [](uint32_t radius, uint32_t angle, double first, double second) {
    const auto [a, b] = normal_from(radius, angle);
    EXPECT_NEAR(a, first, 1e-6);
    EXPECT_NEAR(b, second, 1e-6);
  };
  check_float(0x40000000, 0x15555555, 1.4420269902911985133, 0.83255443100146090805);
  check_float(0x12345678, 0xdeadbeef, 1.5723146561668442917, -1.6777514662834170858);
  check_float(0, 0, 6.7637056350018952035, 0);  // the farthest there is

  const auto check_double = [](uint64_t radius, uint64_t angle, double first, double second) {
    const auto [a, b] = normal_from(radius, angle);
    EXPECT_NEAR(a, first, 2e-15);
    EXPECT_NEAR(b, second, 2e-15);
  };
  check_double(0x4000000000000000, 0x1555555555555555, 1.4420268866008832888, 0.83255461115769701906);
  check_double(0x123456789abcdef0, 0xdeadbeefcafebabe, 1.5723152446159692294, -1.6777509146108381146);
  check_double(0, 0, 8.6521613196052981024, 0);

  for (const auto& [a, b] : {normal_from(UINT32_MAX, UINT32_MAX), normal_from(uint32_t{1}, UINT32_MAX)}) {
    EXPECT_TRUE(std::isfinite(a) && std::isfinite(b));
  }
  const auto [a, b] = normal_from(UINT64_MAX, UINT64_MAX);
  EXPECT_TRUE(std::isfinite(a) && std::isfinite(b));
}

TEST(Generator, HandsOutEachStreamOnce) {
  Generator generator(5);
  EXPECT_EQ(generator.seed(), 5u);
  EXPECT_EQ(generator.next_stream(), 0u);
  EXPECT_EQ(generator.next_stream(), 1u);
  EXPECT_EQ(generator.stream(), 2u);
}

TEST(Generator, SavedStateBringsTheSameNumbersAgain) {
  Generator generator(9);
  std::vector<float> first(100), again(100), other(100);
  generator.next_stream();
  const Generator::State saved = generator.state();
  fill_normal(first.data(), 100, 0, 1, generator);
  fill_normal(other.data(), 100, 0, 1, generator);
  EXPECT_NE(first, other);

  generator.set_state(saved);
  fill_normal(again.data(), 100, 0, 1, generator);
  EXPECT_EQ(first, again);

  Generator restored(saved);
  fill_normal(again.data(), 100, 0, 1, restored);
  EXPECT_EQ(first, again);
  EXPECT_EQ(restored.state(), generator.state() /* one stream on */) << "both drew once";
}

TEST(Generator, CopiesGoTheirOwnWays) {
  Generator one(3);
  Generator two = one;
  one.next_stream();
  EXPECT_EQ(two.stream(), 0u);
  two = one;
  EXPECT_EQ(two.state(), one.state());
}

TEST(Generator, ManualSeedStartsTheDefaultAnew) {
  const Generator::State before = default_generator().state();
  std::vector<float> first(10), again(10);
  manual_seed(17);
  fill_uniform(first.data(), 10, 0, 1, default_generator());
  manual_seed(17);
  EXPECT_EQ(default_generator().state(), (Generator::State{17, 0}));
  fill_uniform(again.data(), 10, 0, 1, default_generator());
  EXPECT_EQ(first, again);
  default_generator().set_state(before);
}

TEST(RandomFills, ElementsComeFromTheirWords) {
  const auto floats = uniform<float>(draws);
  const auto doubles = uniform<double>(draws);
  const auto normals = normal<float>(draws);
  const auto flags = bernoulli(draws, 0.25);
  for (const int64_t i : {0, 1, 2, 3, 4, 16383, 16384, 99999}) {
    const auto four = words(1, 0, i / 4), two = words(1, 0, i / 2);
    EXPECT_EQ(floats[i], static_cast<float>(four[i % 4] >> 8) / 16777216.0f);
    EXPECT_EQ(doubles[i],
              std::ldexp(static_cast<double>((uint64_t{two[2 * (i % 2) + 1]} << 32 | two[2 * (i % 2)]) >> 11), -53));
    EXPECT_EQ(flags[i], four[i % 4] < 0x40000000);
    const double radius = std::sqrt(-2 * std::log((four[i % 4 & 2] + 0.5) / 4294967296.0));
    const double angle = 2 * M_PI * (four[i % 4 | 1] >> 8) / 16777216.0;
    EXPECT_NEAR(normals[i], radius * (i % 2 ? std::sin(angle) : std::cos(angle)), 3e-6);
  }
}

// Any length gives the beginning of a longer fill, and not an element more.
TEST(RandomFills, ShortFillsAreTheBeginningOfLongOnes) {
  const auto check = [](auto longest, auto&& fill) {
    for (int64_t n = 0; n < 20; ++n) {
      auto values = decltype(longest)(20, 77);
      Generator generator(1);
      fill(values.data(), n, generator);
      EXPECT_EQ(generator.stream(), 1u);
      EXPECT_TRUE(std::equal(values.begin(), values.begin() + n, longest.begin())) << n;
      EXPECT_TRUE(std::all_of(values.begin() + n, values.end(), [](auto value) { return value == 77; })) << n;
    }
  };
  check(uniform<float>(20), [](float* out, int64_t n, Generator& g) { fill_uniform(out, n, 0, 1, g); });
  check(uniform<double>(20), [](double* out, int64_t n, Generator& g) { fill_uniform(out, n, 0, 1, g); });
  check(normal<float>(20), [](float* out, int64_t n, Generator& g) { fill_normal(out, n, 0, 1, g); });
  check(normal<double>(20), [](double* out, int64_t n, Generator& g) { fill_normal(out, n, 0, 1, g); });
  check(integers(20, 0, 9), [](int64_t* out, int64_t n, Generator& g) { fill_integers(out, n, 0, 9, g); });
  check(bernoulli(20, 0.5), [](uint8_t* out, int64_t n, Generator& g) { fill_bernoulli(out, n, 0.5, g); });
}

TEST(RandomFills, AreTheSameForAnyNumberOfThreads) {
  const int before = threads();
  const auto all = [](int count) {
    set_threads(count);
    const int64_t n = draws + 3;
    return std::tuple(uniform<float>(n), uniform<double>(n), normal<float>(n), normal<double>(n), integers(n, -5, 5),
                      bernoulli(n, 0.3), permuted(n));
  };
  const auto expected = all(1);
  for (const int count : {2, 3, 8}) EXPECT_TRUE(all(count) == expected) << count;
  set_threads(before);
}

TEST(RandomFills, SeedsAndStreamsDiffer) {
  std::set<std::vector<float>> seen;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{1} << 32, UINT64_MAX}) {
    Generator generator(seed);
    for (int stream = 0; stream < 3; ++stream) {
      std::vector<float> values(16);
      fill_uniform(values.data(), 16, 0, 1, generator);
      EXPECT_TRUE(seen.insert(values).second) << seed << ", " << stream;
    }
  }
}

TEST(FillUniform, IsUniform) {
  const auto check = [](const auto& values) {
    std::vector<int64_t> cells(256);
    for (const auto value : values) {
      ASSERT_TRUE(value >= 0 && value < 1);
      ++cells[static_cast<size_t>(value * 256)];
    }
    EXPECT_LT(std::abs(chi_square_excess(cells)), 3.5);
    EXPECT_NEAR(mean_of(values), 0.5, 0.003);
    EXPECT_NEAR(std_of(values), std::sqrt(1.0 / 12), 0.002);
    for (const size_t lag : {1, 2, 3, 4}) EXPECT_NEAR(autocorrelation(values, lag), 0, 0.01) << lag;
  };
  check(uniform<float>(draws));
  check(uniform<double>(draws));
}

TEST(FillUniform, NeverReachesTheUpperEnd) {
  const float above_one = std::nextafter(1.0f, 2.0f);
  for (const float value : uniform<float>(1000, 1.0f, above_one)) ASSERT_EQ(value, 1.0f);  // the only choice there is
  for (const float value : uniform<float>(draws, 1.0f, 1.0f + 0x1p-21f))
    ASSERT_TRUE(value >= 1 && value < 1 + 0x1p-21f);
  for (const double value : uniform<double>(draws, -7e300, -2e-300)) ASSERT_TRUE(value >= -7e300 && value < -2e-300);
  for (const float value : uniform<float>(10, 4.0f, 4.0f)) ASSERT_EQ(value, 4.0f);
}

TEST(FillUniform, CoversItsRange) {
  const auto values = uniform<float>(draws, -3.0f, 5.0f);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  EXPECT_NEAR(*low, -3, 0.001);
  EXPECT_NEAR(*high, 5, 0.001);
  EXPECT_NEAR(mean_of(values), 1, 0.03);
}

TEST(FillUniform, RefusesRangesThatAreNone) {
  float out[1] = {77};
  Generator generator(1);
  const auto error = [&](float low, float high) {
    return error_of<ParamError>([&] { fill_uniform(out, 1, low, high, generator); });
  };
  const std::string end = "), wanted finite bounds with low <= high, choose a range that fits the dtype";
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error(2, 1), "fill_uniform: got the range [2, 1" + end);
  EXPECT_EQ(error(0, infinity), "fill_uniform: got the range [0, inf" + end);
  EXPECT_EQ(error(0, std::nanf("")), "fill_uniform: got the range [0, nan" + end);
  EXPECT_EQ(error(-3e38f, 3e38f), "fill_uniform: got the range [-3e+38, 3e+38" + end);
  EXPECT_EQ(out[0], 77);
  EXPECT_EQ(generator.stream(), 0u);
}

TEST(FillNormal, IsNormal) {
  const auto check = [](const auto& values) {
    EXPECT_NEAR(mean_of(values), 0, 0.01);
    EXPECT_NEAR(std_of(values), 1, 0.01);
    EXPECT_LT(distance_from_normal(values), 1.6 / std::sqrt(draws));  // exceeded once in a hundred seeds
    for (const size_t lag : {1, 2, 3, 4}) EXPECT_NEAR(autocorrelation(values, lag), 0, 0.01) << lag;
    const auto beyond_three = std::count_if(values.begin(), values.end(), [](auto x) { return std::abs(x) > 3; });
    EXPECT_NEAR(static_cast<double>(beyond_three), 270, 60);
  };
  check(normal<float>(draws));
  check(normal<double>(draws));
}

TEST(FillNormal, HasMeanAndStandardDeviationAsAsked) {
  const auto values = normal<double>(draws, 7.0, 0.5);
  EXPECT_NEAR(mean_of(values), 7, 0.005);
  EXPECT_NEAR(std_of(values), 0.5, 0.005);
  for (const float value : normal<float>(10, 3.0f, 0.0f)) EXPECT_EQ(value, 3.0f);
}

TEST(FillNormal, RefusesWhatIsNoDistribution) {
  double out[1] = {77};
  Generator generator(1);
  const auto error = [&](double mean, double std) {
    return error_of<ParamError>([&] { fill_normal(out, 1, mean, std, generator); });
  };
  const std::string end = ", wanted both finite and std >= 0, choose such values";
  EXPECT_EQ(error(0, -1), "fill_normal: got mean 0 and std -1" + end);
  EXPECT_EQ(error(std::nan(""), 1), "fill_normal: got mean nan and std 1" + end);
  EXPECT_EQ(error(0, HUGE_VAL), "fill_normal: got mean 0 and std inf" + end);
  EXPECT_EQ(out[0], 77);
}

TEST(FillIntegers, AreUniform) {
  for (const int64_t range : {2, 3, 10, 1000}) {
    std::vector<int64_t> cells(range);
    for (const int64_t value : integers(draws, -1, range - 1)) {
      ASSERT_TRUE(value >= -1 && value < range - 1);
      ++cells[value + 1];
    }
    EXPECT_LT(std::abs(chi_square_excess(cells)), 3.5) << range;
  }
}

// A range of 3/4 of all 64-bit numbers: a plain multiplication would prefer every third value twofold.
TEST(FillIntegers, AreUniformInHugeRangesToo) {
  const int64_t low = -(int64_t{3} << 61), high = int64_t{3} << 61;
  std::vector<int64_t> residues(3), quarters(4);
  for (const int64_t value : integers(draws, low, high)) {
    ASSERT_TRUE(value >= low && value < high);
    const uint64_t offset = static_cast<uint64_t>(value) - static_cast<uint64_t>(low);
    ++residues[offset % 3];
    ++quarters[offset / (uint64_t{3} << 60)];
  }
  EXPECT_LT(std::abs(chi_square_excess(residues)), 3.5);
  EXPECT_LT(std::abs(chi_square_excess(quarters)), 3.5);
}

TEST(FillIntegers, TakeTheWholeRangeOfTheirType) {
  const auto values = integers(draws, INT64_MIN, INT64_MAX);
  EXPECT_NEAR(mean_of(std::vector<double>(values.begin(), values.end())) / 0x1p63, 0, 0.01);
  EXPECT_EQ(std::set<int64_t>(values.begin(), values.end()).size(), values.size());
  for (const int64_t value : integers(10, 5, 6)) EXPECT_EQ(value, 5);
}

TEST(FillIntegers, RefuseAnEmptyRange) {
  int64_t out[1] = {77};
  Generator generator(1);
  EXPECT_EQ(error_of<ParamError>([&] { fill_integers(out, 1, 4, 4, generator); }),
            "fill_integers: got the range [4, 4), wanted low < high, widen it");
  EXPECT_EQ(out[0], 77);
}

TEST(FillBernoulli, SucceedsAsOftenAsAsked) {
  for (const double p : {0.01, 0.3, 0.5, 0.9}) {
    const auto flags = bernoulli(draws, p);
    EXPECT_LE(*std::max_element(flags.begin(), flags.end()), 1);
    EXPECT_NEAR(mean_of(flags), p, 4 * std::sqrt(p * (1 - p) / draws)) << p;
  }
  EXPECT_EQ(bernoulli(1000, 0), std::vector<uint8_t>(1000, 0));
  EXPECT_EQ(bernoulli(1000, 1), std::vector<uint8_t>(1000, 1));
}

TEST(FillBernoulli, IsTheSameForBothTypes) {
  const auto bytes = bernoulli(100, 0.4);
  bool flags[100];
  Generator generator(1);
  fill_bernoulli(flags, 100, 0.4, generator);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), flags));
}

TEST(FillBernoulli, RefusesWhatIsNoProbability) {
  uint8_t out[1] = {77};
  Generator generator(1);
  const auto error = [&](double p) { return error_of<ParamError>([&] { fill_bernoulli(out, 1, p, generator); }); };
  EXPECT_EQ(error(1.5), "fill_bernoulli: got p = 1.5, wanted a probability, choose p in [0, 1]");
  EXPECT_EQ(error(-0.1), "fill_bernoulli: got p = -0.1, wanted a probability, choose p in [0, 1]");
  EXPECT_EQ(error(std::nan("")), "fill_bernoulli: got p = nan, wanted a probability, choose p in [0, 1]");
  EXPECT_EQ(out[0], 77);
}

TEST(Permutation, HoldsEveryNumberOnce) {
  for (const int64_t n : {0, 1, 2, 17, 1000}) {
    auto numbers = permuted(n);
    std::sort(numbers.begin(), numbers.end());
    std::vector<int64_t> expected(n);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(numbers, expected);
  }
}

TEST(Permutation, TakesEveryOrderEquallyOften) {
  Generator generator(2);
  std::map<std::vector<int64_t>, int64_t> orders;
  for (int i = 0; i < 24000; ++i) {
    std::vector<int64_t> order(4);
    permutation(order.data(), 4, generator);
    ++orders[order];
  }
  std::vector<int64_t> counts;
  for (const auto& [order, count] : orders) counts.push_back(count);
  EXPECT_EQ(counts.size(), 24u);
  EXPECT_LT(std::abs(chi_square_excess(counts)), 3.5);
}

}  // namespace
}  // namespace gradus
