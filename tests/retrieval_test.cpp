// Scores of retrieval, the watch on collapse, principal components and their picture.
#include "gradus/data/retrieval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include "gradus/data/collapse.h"
#include "gradus/data/pca.h"
#include "gradus/data/scatter_svg.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

Tensor labels_of(const std::vector<int64_t>& values) { return from_data(values.data(), {int64_t(values.size())}); }

// The plain definitions, for one query at a time.
RetrievalScores by_definition(const std::vector<double>& x, int64_t width, const std::vector<int64_t>& label,
                              const std::vector<int64_t>& ks, int64_t only = -1) {
  const auto n = int64_t(label.size());
  RetrievalScores s;
  for (int64_t k : ks) s.recall_at.emplace_back(k, 0);
  for (int64_t q = 0; q < n; ++q) {
    if (only >= 0 && q != only) continue;
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t i = 0; i < n; ++i) {
      double d = 0;
      for (int64_t k = 0; k < width; ++k) d += std::pow(x[size_t(q * width + k)] - x[size_t(i * width + k)], 2);
      if (i != q) order.emplace_back(d, i);
    }
    std::sort(order.begin(), order.end());
    std::vector<bool> hit;
    for (const auto& [d, i] : order) hit.push_back(label[size_t(i)] == label[size_t(q)]);
    const auto relevant = std::count(hit.begin(), hit.end(), true);
    if (relevant == 0) continue;
    ++s.queries;
    s.precision_at_1 += hit[0];
    s.r_precision += double(std::count(hit.begin(), hit.begin() + relevant, true)) / double(relevant);
    for (int64_t i = 0; i < relevant; ++i)
      if (hit[size_t(i)])
        s.map_at_r += double(std::count(hit.begin(), hit.begin() + i + 1, true)) / double(i + 1) / double(relevant);
    for (auto& [k, recall] : s.recall_at)
      recall += std::count(hit.begin(), hit.begin() + std::min<int64_t>(k, n - 1), true) > 0;
  }
  const double n_queries = double(s.queries);
  s.precision_at_1 /= n_queries, s.r_precision /= n_queries, s.map_at_r /= n_queries;
  for (auto& [k, recall] : s.recall_at) recall /= n_queries;
  return s;
}

void expect_equal(const RetrievalScores& got, const RetrievalScores& wanted) {
  EXPECT_EQ(got.queries, wanted.queries);
  EXPECT_NEAR(got.precision_at_1, wanted.precision_at_1, 1e-12);
  EXPECT_NEAR(got.r_precision, wanted.r_precision, 1e-12);
  EXPECT_NEAR(got.map_at_r, wanted.map_at_r, 1e-12);
  ASSERT_EQ(got.recall_at.size(), wanted.recall_at.size());
  for (size_t i = 0; i < got.recall_at.size(); ++i) {
    EXPECT_EQ(got.recall_at[i].first, wanted.recall_at[i].first);
    EXPECT_NEAR(got.recall_at[i].second, wanted.recall_at[i].second, 1e-12);
  }
}

TEST(Retrieval, ScoresAreTheirDefinitions) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const auto& [n, width, classes] : {std::tuple{40, 3, 4}, {300, 5, 7}, {30, 2, 29}, {2, 1, 1}}) {
    std::vector<double> x(size_t(n * width));
    std::vector<int64_t> label;
    for (int i = 0; i < n; ++i) label.push_back(int64_t(random() % unsigned(classes)));
    for (size_t i = 0; i < x.size(); ++i) x[i] = normal(random) + 0.7 * double(label[i / size_t(width)]);
    const std::vector<int64_t> ks = {1, 2, 4, 50};
    expect_equal(retrieval_scores(tensor(x, {n, width}, Dtype::float64), labels_of(label), ks),
                 by_definition(x, width, label, ks));
  }
}

// A metric learning reality check, table 1: ten samples of the query's class, of which some are among the ten nearest.
TEST(Retrieval, ThePapersExamplesComeOut) {
  const auto expect = [](const std::vector<int64_t>& hits, double r_precision, double map_at_r) {
    std::vector<double> x = {0};
    std::vector<int64_t> label = {7};
    for (int64_t place = 1; place <= 10; ++place) {
      x.push_back(double(place));
      label.push_back(std::count(hits.begin(), hits.end(), place) ? 7 : 100 + place);  // alone in its class: no query
    }
    for (size_t missing = hits.size(); missing < 10; ++missing) x.push_back(1000), label.push_back(7);
    const RetrievalScores first = by_definition(x, 1, label, {1}, 0);
    EXPECT_NEAR(first.r_precision, r_precision, 1e-12);
    EXPECT_NEAR(first.map_at_r, map_at_r, 1e-12);
    expect_equal(retrieval_scores(tensor(x, {int64_t(x.size()), 1}, Dtype::float64), labels_of(label), {1}),
                 by_definition(x, 1, label, {1}));
  };
  expect({1}, 0.1, 0.1);
  expect({1, 10}, 0.2, 0.12);
  expect({1, 2}, 0.2, 0.2);
  expect({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 1, 1);
}

TEST(Retrieval, ALoneSampleIsNoQuery) {
  const Tensor x = tensor({{0}, {0}, {5}, {9}}), alone = labels({1, 1, 2, 3});
  const RetrievalScores s = retrieval_scores(x, alone);
  EXPECT_EQ(s.queries, 2);
  EXPECT_EQ(s.precision_at_1, 1);
  EXPECT_EQ(s.map_at_r, 1);
  EXPECT_EQ(retrieval_scores(x, labels({1, 2, 3, 4})).queries, 0);
  EXPECT_EQ(retrieval_scores(x, labels({1, 2, 3, 4})).map_at_r, 0);
  EXPECT_EQ(retrieval_scores(zeros({0, 3}), Tensor(Shape{0}, Dtype::int64)).queries, 0);
}

TEST(Retrieval, WhatDoesNotFitIsNamed) {
  const Tensor x = zeros({3, 2}), y = labels({0, 1, 0});
  EXPECT_EQ(error_of<ShapeError>([&] { retrieval_scores(x, labels({0, 1})); }),
            "retrieval_scores: embeddings have shape (3,2) and labels (2), wanted (N,...) and (N); pass one label a "
            "sample");
  EXPECT_EQ(error_of<DtypeError>([&] { retrieval_scores(x, zeros({3})); }),
            "retrieval_scores: got float32 (3,2) and labels float32 (3), wanted float32 or float64 and int64; convert");
  EXPECT_EQ(error_of<ParamError>([&] { retrieval_scores(x, y, {0}); }),
            "retrieval_scores: got recall at 0, wanted at least 1; try 1, 2, 4");
}

// ---- collapse -----------------------------------------------------------------------------------

TEST(Collapse, OnePointIsACollapse) {
  const Tensor y = labels({0, 0, 1, 1});
  const EmbeddingSpread s = embedding_spread(full({4, 3}, 0.5), y, 0.2);
  EXPECT_EQ(s.mean_distance, 0);
  EXPECT_EQ(s.active_fraction, 1);
  EXPECT_DOUBLE_EQ(s.mean_loss, 0.2);
  EXPECT_TRUE(s.collapsed);
  EXPECT_EQ(s.advice,
            "all samples lie at almost one point: the loss is 0.2, the margin itself, at a mean distance of 0; try "
            "another --lr, or semi-hard triplets");
}

TEST(Collapse, ASpreadEmbeddingIsNone) {
  const Tensor y = labels({0, 0, 1, 1});
  const EmbeddingSpread apart = embedding_spread(tensor({{0, 0}, {0, 1}, {9, 0}, {9, 1}}), y, 1);
  EXPECT_NEAR(apart.mean_distance, (4 * 1.0 + 4 * 9.0 + 4 * std::sqrt(82.0)) / 12, 1e-6);
  EXPECT_EQ(apart.active_fraction, 0);
  EXPECT_FALSE(apart.collapsed);
  EXPECT_EQ(apart.advice, "only 0 % of the triplets still pull; mine harder ones, raise the margin of 1, or stop here");
  // d(a,p) = 1; two of the eight triplets have a negative at distance 1.5, where 0.5 is left of the margin.
  const EmbeddingSpread near = embedding_spread(tensor({{0}, {1}, {2.5}, {3.5}}), y, 1);
  EXPECT_EQ(near.active_fraction, 2.0 / 8);
  EXPECT_DOUBLE_EQ(near.mean_loss, 2 * 0.5 / 8);
  EXPECT_EQ(near.advice, "");
  EXPECT_FALSE(embedding_spread(tensor({{0}, {1}}), labels({0, 0}), 1).collapsed);  // no triplet, no verdict
  EXPECT_EQ(error_of<ParamError>([&] { embedding_spread(zeros({4, 2}), y, 0); }),
            "embedding_spread: got margin = 0, wanted it positive; try 1");
  EXPECT_EQ(
      error_of<ShapeError>([&] { embedding_spread(zeros({4}), y); }),
      "embedding_spread: embeddings have shape (4) and labels (4), wanted (N,D) and (N); pass one label a sample");
}

// ---- principal components -----------------------------------------------------------------------

TEST(Pca, FindsTheDirectionsOfAPlane) {
  // Points on a plane in space: 3 along u, 1 along v.
  const double u[] = {2.0 / 3, 2.0 / 3, 1.0 / 3}, v[] = {-2.0 / 3, 1.0 / 3, 2.0 / 3};
  std::vector<double> x;
  for (double a : {-3.0, 3.0})
    for (double b : {-1.0, 1.0})
      for (int k = 0; k < 3; ++k) x.push_back(10 + a * u[k] + b * v[k]);
  const PrincipalComponents p = principal_components(tensor(x, {4, 3}, Dtype::float64));
  for (int64_t k = 0; k < 3; ++k) EXPECT_NEAR(p.components.at({0, k}), u[k], 1e-12);
  for (int64_t k = 0; k < 3; ++k) EXPECT_NEAR(std::abs(p.components.at({1, k})), std::abs(v[k]), 1e-12);
  EXPECT_NEAR(p.explained[0], 0.9, 1e-12);
  EXPECT_NEAR(p.explained[1], 0.1, 1e-12);
  EXPECT_NEAR(p.coordinates.at({0, 0}), -3, 1e-12);
  EXPECT_NEAR(std::abs(p.coordinates.at({0, 1})), 1, 1e-12);
  EXPECT_EQ(principal_components(full({3, 2}, 4)).explained, (std::vector<double>{0, 0}));
  EXPECT_EQ(error_of<ParamError>([] { principal_components(zeros({3, 2}), 3); }),
            "principal_components: got 3 components of 3 samples of 2 features, wanted at least one sample and no more "
            "components than features; choose fewer");
  EXPECT_EQ(error_of<ShapeError>([] { principal_components(zeros({3})); }),
            "principal_components: samples have shape (3), wanted (N,D); flatten them");
}

TEST(Scatter, DrawsAPointForEachSample) {
  const auto count = [](const std::string& svg, const std::string& what) {
    int64_t n = 0;
    for (size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  const std::string svg =
      scatter_svg(tensor({{0, 0}, {1, 1}, {2, 0}, {NAN, 1}}), labels({0, 1, 1, 0}), {"a < b", "x", "y"});
  EXPECT_EQ(count(svg, "r=\"3\""), 3);  // what is not finite has no place
  EXPECT_EQ(count(svg, "r=\"5\""), 2);  // the legend
  EXPECT_EQ(count(svg, "a &lt; b"), 1);
  EXPECT_EQ(count(svg, "nan"), 0);
  EXPECT_EQ(count(scatter_svg(zeros({2, 2}), labels({0, 0})), "r=\"3\""), 2);
  EXPECT_EQ(count(scatter_svg(zeros({0, 2}), Tensor(Shape{0}, Dtype::int64)), "<circle"), 0);
  EXPECT_EQ(error_of<ShapeError>([] { scatter_svg(zeros({2, 3}), labels({0, 0})); }),
            "scatter_svg: points have shape (2,3) and labels (2), wanted (N,2) and (N); pass one label a point");
}

}  // namespace
}  // namespace gradus
