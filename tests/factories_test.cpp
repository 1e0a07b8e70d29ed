// Tensors of evenly spaced and of random numbers: their values, their statistics, their errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/ranges.h"
#include "gradus/ops/sampling.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using Numbers = std::vector<double>;

TEST(Ranges, StopBeforeTheEnd) {
  EXPECT_EQ(arange(4).to_vector(), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(arange(4).dtype(), Dtype::int64);
  EXPECT_EQ(arange(1, 2, 0.25, Dtype::float64).to_vector(), (Numbers{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(arange(3, 0, -2).to_vector(), (Numbers{3, 1}));
  EXPECT_EQ(arange(2, 2).numel(), 0);
  EXPECT_EQ(error_of([] { arange(0, 3, -1); }),
            "arange: from 0 to 3 by -1 leads nowhere, wanted a step towards the end");
  EXPECT_EQ(error_of([] { arange(0, 3, 0); }), "arange: from 0 to 3 by 0 leads nowhere, wanted a step towards the end");
}

TEST(Ranges, LinspaceMeetsBothEnds) {
  EXPECT_EQ(linspace(-1, 1, 5, Dtype::float64).to_vector(), (Numbers{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(linspace(0.1, 0.7, 4, Dtype::float64).to_vector().back(), 0.7);
  EXPECT_EQ(linspace(3, 9, 1).to_vector(), (Numbers{3}));
  EXPECT_EQ(linspace(3, 9, 0).numel(), 0);
  EXPECT_EQ(error_of([] { linspace(0, 1, -1); }), "linspace: steps is -1, wanted a value >= 0");
}

TEST(Ranges, EyeIsTheIdentity) {
  EXPECT_EQ(eye(2).to_vector(), (Numbers{1, 0, 0, 1}));
  EXPECT_EQ(eye(2, 3).to_vector(), (Numbers{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(error_of([] { eye(-2); }), "eye: the extents are -2 and -2, wanted values >= 0");
}

TEST(Sampling, HasTheMomentsOfItsDistribution) {
  Generator generator(1);
  const int64_t n = 100000;
  const auto moments = [](const Numbers& x) {
    double mean = 0, square = 0;
    for (double v : x) mean += v / double(x.size()), square += v * v / double(x.size());
    return std::pair(mean, std::sqrt(square - mean * mean));
  };
  const auto [uniform_mean, uniform_std] = moments(rand({n}, Dtype::float64, generator).to_vector());
  EXPECT_NEAR(uniform_mean, 0.5, 0.01);
  EXPECT_NEAR(uniform_std, std::sqrt(1.0 / 12), 0.01);
  const auto [normal_mean, normal_std] = moments(randn({n}, Dtype::float32, generator).to_vector());
  EXPECT_NEAR(normal_mean, 0, 0.02);
  EXPECT_NEAR(normal_std, 1, 0.02);
  EXPECT_NEAR(moments(bernoulli(0.3, {n}, generator).to_vector()).first, 0.3, 0.01);
  const Numbers die = randint(1, 7, {n}, generator).to_vector();
  EXPECT_EQ(*std::min_element(die.begin(), die.end()), 1);
  EXPECT_EQ(*std::max_element(die.begin(), die.end()), 6);
  EXPECT_NEAR(moments(die).first, 3.5, 0.03);
}

TEST(Sampling, APermutationHasEveryNumberOnce) {
  Generator generator(2);
  Numbers p = randperm(1000, generator).to_vector();
  EXPECT_FALSE(std::is_sorted(p.begin(), p.end()));
  std::sort(p.begin(), p.end());
  for (size_t i = 0; i < p.size(); ++i) ASSERT_EQ(p[i], double(i));
}

TEST(Sampling, IsTheSameForTheSameSeedAndAnyThreads) {
  const int before = threads();
  const auto draw = [](int count) {
    set_threads(count);
    Generator generator(3);
    return randn({70000}, Dtype::float32, generator).to_vector();
  };
  const Numbers one = draw(1), two = draw(2);
  set_threads(before);
  EXPECT_EQ(one, two);
}

TEST(Sampling, SaysWhatItWanted) {
  EXPECT_EQ(error_of([] { rand({2}, Dtype::int64); }), "rand: dtype is int64, wanted float32 or float64");
  EXPECT_EQ(error_of([] { randint(3, 3, {2}); }), "randint: [3, 3) is empty, wanted low < high");
  EXPECT_EQ(error_of([] { randperm(-1); }), "randperm: n is -1, wanted a value >= 0");
  EXPECT_EQ(error_of([] { bernoulli(1.5, {2}); }), "bernoulli: p is 1.5, wanted a value in [0, 1]");
}

}  // namespace
}  // namespace gradus
