// The synthetic sets against their definitions, and the sampler that evens out classes.
#include "gradus/data/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "gradus/data/sampler.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

constexpr double pi = std::numbers::pi;

using Points = std::vector<std::pair<double, double>>;

Points of_class(const Dataset& data, int64_t label) {
  Points points;
  for (int64_t i = 0; i < data.size(); ++i)
    if (data["labels"].at({i}) == double(label))
      points.emplace_back(data["features"].at({i, 0}), data["features"].at({i, 1}));
  return points;
}

// The same points in any order, to float32's precision.
void expect_points(Points got, Points wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [x, y] : wanted) {
    const auto near = std::find_if(got.begin(), got.end(), [&, x = x, y = y](const auto& p) {
      return std::abs(p.first - x) < 1e-6 && std::abs(p.second - y) < 1e-6;
    });
    ASSERT_NE(near, got.end()) << "no point at " << x << ", " << y;
    got.erase(near);
  }
}

TEST(Synthetic, MoonsAreScikitLearns) {
  const Dataset data = moons(21);  // ten and eleven
  Points outer, inner;
  for (int i = 0; i < 10; ++i) outer.emplace_back(std::cos(pi * i / 9), std::sin(pi * i / 9));
  for (int i = 0; i < 11; ++i) inner.emplace_back(1 - std::cos(pi * i / 10), 1 - std::sin(pi * i / 10) - 0.5);
  expect_points(of_class(data, 0), outer);
  expect_points(of_class(data, 1), inner);
}

TEST(Synthetic, CirclesAreScikitLearns) {
  const Dataset data = circles(17, 0, 0.3);
  Points outer, inner;
  for (int i = 0; i < 8; ++i) outer.emplace_back(std::cos(2 * pi * i / 8), std::sin(2 * pi * i / 8));
  for (int i = 0; i < 9; ++i) inner.emplace_back(0.3 * std::cos(2 * pi * i / 9), 0.3 * std::sin(2 * pi * i / 9));
  expect_points(of_class(data, 0), outer);
  expect_points(of_class(data, 1), inner);
}

TEST(Synthetic, SpiralsWindOutwards) {
  const Dataset data = spirals(300, 0, 3, 1.5);
  for (int64_t c = 0; c < 3; ++c) {
    Points arm;
    for (int i = 0; i < 100; ++i) {
      const double r = i / 99.0, t = 2 * pi * (1.5 * r + double(c) / 3);
      arm.emplace_back(r * std::cos(t), r * std::sin(t));
    }
    expect_points(of_class(data, c), arm);
  }
}

TEST(Synthetic, BlobsAreCloudsOfThatDeviation) {
  const Dataset data = blobs(3001, 3, 0.5, 7);
  for (int64_t c = 0; c < 3; ++c) {
    const Points cloud = of_class(data, c);
    EXPECT_EQ(cloud.size(), c == 0 ? 1001u : 1000u);  // as scikit-learn shares out the rest
    double x = 0, y = 0, squares = 0;
    for (const auto& p : cloud) x += p.first / double(cloud.size()), y += p.second / double(cloud.size());
    for (const auto& p : cloud) squares += std::pow(p.first - x, 2) + std::pow(p.second - y, 2);
    EXPECT_NEAR(std::sqrt(squares / 2 / double(cloud.size())), 0.5, 0.03);
    EXPECT_LT(std::max(std::abs(x), std::abs(y)), 10.1);
  }
}

TEST(Synthetic, NoiseAndOrderComeFromTheSeed) {
  const auto values = [](const Dataset& d) { return d["features"].to_vector(); };
  EXPECT_EQ(values(moons(50, 0.1, 3)), values(moons(50, 0.1, 3)));
  EXPECT_NE(values(moons(50, 0.1, 3)), values(moons(50, 0.1, 4)));
  double squares = 0;
  for (const auto& [x, y] : of_class(circles(4000, 0.1, 0), 1)) squares += x * x + y * y;  // a point and its noise
  EXPECT_NEAR(std::sqrt(squares / 4000), 0.1, 0.005);
  const std::vector<double> first = moons(100)["labels"].to_vector();
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
}

TEST(Synthetic, WhatCannotBeIsNamed) {
  EXPECT_EQ(error_of<ParamError>([] { moons(1); }),
            "moons: got 1 samples of 2 classes with noise 0, wanted a sample for each class and noise from 0 on; try "
            "200 samples");
  EXPECT_EQ(error_of<ParamError>([] { blobs(9, 3, -1); }),
            "blobs: got 9 samples of 3 classes with noise -1, wanted a sample for each class and noise from 0 on; try "
            "200 samples");
  EXPECT_EQ(error_of<ParamError>([] { circles(9, 0, 1); }),
            "circles: got factor = 1, wanted the inner circle inside; choose it in [0, 1)");
}

TEST(Sampler, EveryClassComesEquallyOften) {
  std::vector<int64_t> list(90, 0);
  list.insert(list.end(), 8, 1);
  list.insert(list.end(), 2, 5);
  const Tensor y = from_data(list.data(), {100});
  for (int64_t epoch : {0, 1}) {
    std::map<int64_t, int64_t> classes, samples;
    const auto batches = class_balanced_batches(y, 16, 1, epoch);
    ASSERT_EQ(batches.size(), 7u);
    EXPECT_EQ(batches.back().size(), 4u);
    for (const Indices& batch : batches) {
      std::map<int64_t, int64_t> here;
      for (int64_t i : batch) ++classes[list[size_t(i)]], ++samples[i], ++here[list[size_t(i)]];
      for (const auto& [label, count] : here)
        EXPECT_NEAR(double(count), double(batch.size()) / 3, 4 / 3.0 + 1e-9);  // a turn cut at both ends
    }
    for (int64_t label : {0, 1, 5}) EXPECT_NEAR(double(classes[label]), 100 / 3.0, 1);
    for (int64_t i = 90; i < 98; ++i) EXPECT_GE(samples[i], 4);  // all before one comes again
    for (int64_t i = 0; i < 90; ++i) EXPECT_LE(samples[i], 1);
  }
  EXPECT_EQ(class_balanced_batches(y, 16, 1, 0), class_balanced_batches(y, 16, 1, 0));
  EXPECT_NE(class_balanced_batches(y, 16, 1, 0), class_balanced_batches(y, 16, 1, 1));
  EXPECT_EQ(error_of<ShapeError>([] { class_balanced_batches(zeros({2, 2}), 2, 0, 0); }),
            "class_balanced_batches: labels have shape (2,2), wanted (N); pass one label a sample");
  EXPECT_EQ(error_of<ParamError>([] { class_balanced_batches(Tensor(Shape{0}, Dtype::int64), 2, 0, 0); }),
            "class_balanced_batches: got no sample, wanted at least one; check the labels");
}

}  // namespace
}  // namespace gradus
