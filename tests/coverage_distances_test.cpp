// Norms, distances and divergences, each as a claim that can be checked without trusting the library.
#include <gtest/gtest.h>

#include <algorithm>

#include "calls.h"
#include "gradient.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/ops/svd.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

// The eigenvalues of a symmetric n x n matrix by Jacobi's rotations.
Numbers eigenvalues(Numbers a, int n) {
  const auto at = [&](int i, int j) -> double& { return a[size_t(i * n + j)]; };
  for (int sweep = 0; sweep < 60; ++sweep)
    for (int p = 0; p < n; ++p)
      for (int q = p + 1; q < n; ++q) {
        if (at(p, q) == 0) continue;
        const double angle = 0.5 * std::atan2(2 * at(p, q), at(p, p) - at(q, q)), c = std::cos(angle),
                     s = std::sin(angle);
        for (int k = 0; k < n; ++k) {
          const double x = at(p, k), y = at(q, k);
          at(p, k) = c * x + s * y, at(q, k) = c * y - s * x;
        }
        for (int k = 0; k < n; ++k) {
          const double x = at(k, p), y = at(k, q);
          at(k, p) = c * x + s * y, at(k, q) = c * y - s * x;
        }
      }
  Numbers values;
  for (int i = 0; i < n; ++i) values.push_back(at(i, i));
  return values;
}
// tr sqrt(Aᵀ A) of an m x n matrix.
double trace_norm(const Numbers& a, int m, int n) {
  Numbers square(size_t(n * n));
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      for (int k = 0; k < m; ++k) square[size_t(i * n + j)] += a[size_t(k * n + i)] * a[size_t(k * n + j)];
  double sum = 0;
  Numbers values = eigenvalues(square, n);
  std::sort(values.rbegin(), values.rend());
  values.resize(size_t(std::min(m, n)));  // the others are 0 but for rounding, whose root is large
  for (double v : values) sum += std::sqrt(std::max(v, 0.0));
  return sum;
}
double kl_loop(const Numbers& p, const Numbers& q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) sum += p[i] == 0 ? 0 : p[i] * std::log(p[i] / q[i]);
  return sum;
}
double entropy_loop(const Numbers& p) {
  double sum = 0;
  for (double x : p) sum -= x == 0 ? 0 : x * std::log(x);
  return sum;
}

const Numbers two_rows = {2, 3, 4, 5, 2, 3, 4, 5}, one_less = {1, 2, 3, 4, 1, 2, 3, 4};

TEST(Coverage, TheFrobeniusNormHasItsGradientAndNoneAtNoError) {  // 0.1
  for (double per_sample : {0.0, 1.0}) {
    const auto f = [&](const std::vector<Tensor>& in) {
      return call("frobenius_norm_loss", in, {{"per_sample", per_sample}});
    };
    expect_gradients(f, {leaf(uniform(12, 1), {3, 4}), leaf(uniform(12, 2), {3, 4})});
    const Tensor x = leaf(two_rows, {2, 4}), y = doubles(two_rows, {2, 4});
    EXPECT_EQ(gradient(f({x, y}), x), Numbers(8, 0.0)) << "where both are equal";
  }
  EXPECT_EQ(call("frobenius_norm_loss", {doubles(two_rows, {2, 4}), doubles(one_less, {2, 4})}).item(), std::sqrt(8.0));
}

TEST(Coverage, ABatchOf128LabelsOfFourHasOneFrobeniusNorm) {  // 0.2
  const Numbers a = uniform(512, 3), b = uniform(512, 4);
  double squares = 0;
  for (size_t i = 0; i < 512; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  const Tensor x = leaf(a, {128, 4});
  const Tensor loss = call("frobenius_norm_loss", {x, doubles(b, {128, 4})});
  EXPECT_NEAR(loss.item(), std::sqrt(squares), 1e-12);
  loss.backward();
  EXPECT_EQ(text(x.grad().shape()), "(128,4)");
}

TEST(Coverage, TheTwoNormOfARowIsItsFrobeniusNormBitForBit) {  // 0.3
  for (uint64_t seed : {5, 6, 7}) {
    const Tensor x = doubles(uniform(70, seed, -3, 3), {10, 7}), y = doubles(uniform(70, seed + 10), {10, 7});
    EXPECT_EQ(values("vector_norm_loss", {x, y}, {{"p", 2.0}, {"dim", -1.0}}),
              values("frobenius_norm_loss", {x, y}, {{"per_sample", 1.0}}));
  }
  EXPECT_EQ(values("vector_norm_loss", {doubles(two_rows, {2, 4}), doubles(one_less, {2, 4})}), Numbers({2, 2}));
}

TEST(Coverage, TheNuclearNormIsTheTraceOfTheRootOfTheSquare) {  // 0.4
  for (int i = 0; i < 20; ++i) {
    const int m = 2 + i % 5, n = 2 + i / 5;
    const Numbers a = uniform(m * n, uint64_t(20 + i));
    const Tensor x = doubles(a, {m, n});
    const double wanted = trace_norm(a, m, n);
    EXPECT_NEAR(total(svd(x).s.to_vector()), wanted, 1e-10) << m << " x " << n;
    EXPECT_NEAR(call("nuclear_norm_loss", {x, zeros({m, n}, Dtype::float64)}).item(), wanted, 1e-10) << m << " x " << n;
  }
}

TEST(Coverage, TheNuclearNormHasAGradientAlsoAtRankOne) {  // 0.4
  const auto f = [](const std::vector<Tensor>& in) { return call("nuclear_norm_loss", in); };
  expect_gradients(f, {leaf(uniform(12, 41), {4, 3}), leaf(uniform(12, 42), {4, 3})});
  const Tensor x = leaf(two_rows, {2, 4});
  const Tensor loss = f({x, doubles(one_less, {2, 4})});
  EXPECT_NEAR(loss.item(), std::sqrt(8.0), 1e-14);
  for (double g : gradient(loss, x)) EXPECT_NEAR(g, 1 / std::sqrt(8.0), 1e-14) << "U1 V1ᵀ of the matrix of ones";
}

TEST(Coverage, TheBatchMeanIsTheSumOverTheNumberOfSamples) {  // 0.5
  const Tensor x = doubles(uniform(30, 51), {6, 5}), y = doubles(uniform(30, 52), {6, 5});
  for (const auto& [name, option] : std::vector<std::pair<std::string, Options>>{
           {"frobenius_norm_loss", {{"per_sample", 1.0}}}, {"vector_norm_loss", {}}}) {
    Options by_mean = option;
    by_mean.emplace_back("reduction", "mean");
    EXPECT_NEAR(call(name, {x, y}, by_mean).item(), total(values(name, {x, y}, option)) / 6, 1e-15) << name;
  }
}

TEST(Coverage, IntegersAreRefusedByNameAndConvertedByRequest) {  // 0.7
  const Tensor x = classes(two_rows, {2, 4}), y = classes(one_less, {2, 4});
  EXPECT_EQ(error_of<DtypeError>([&] { call("frobenius_norm_loss", {x, y}); }),
            "frobenius_norm_loss: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { call("vector_norm_loss", {x, y}); }),
            "vector_norm_loss: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(call("frobenius_norm_loss", {to(x, Dtype::float64), to(y, Dtype::float64)}).item(), std::sqrt(8.0));
}

TEST(Coverage, ManyToManyDistancesAreBroadcastDifferences) {  // 0.8
  const Numbers a = uniform(6, 61), b = uniform(15, 62);
  const Tensor x = leaf(a, {2, 3}), y = leaf(b, {5, 3});
  const Tensor by_hand = norm(unsqueeze(x, 1) - unsqueeze(y, 0), 2, {-1}), matrix = call("cdist", {x, y});
  EXPECT_EQ(text(by_hand.shape()), "(2,5)");
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 5; ++j) {
      double squares = 0;
      for (int k = 0; k < 3; ++k) squares += std::pow(a[size_t(3 * i + k)] - b[size_t(3 * j + k)], 2);
      EXPECT_NEAR(matrix.at({i, j}), std::sqrt(squares), 1e-15);
      EXPECT_NEAR(by_hand.at({i, j}), std::sqrt(squares), 1e-15);
    }
  const Tensor upstream = doubles(uniform(10, 63), {2, 5});
  for (const Tensor& t : {x, y})
    EXPECT_LE(apart(gradient(by_hand * upstream, t), gradient(matrix * upstream, t)), 1e-12);
}

TEST(Coverage, PairwiseDistanceIsTheDiagonalOfAllDistances) {  // 0.10
  const Tensor x = doubles(uniform(28, 71), {4, 7}), y = doubles(uniform(28, 72), {4, 7});
  const Numbers all = diagonal(call("cdist", {x, y})).to_vector();
  EXPECT_LE(apart(call("pairwise_distance", {x, y}, {{"eps", 0.0}}).to_vector(), all), 1e-15);
  const Numbers shifted = call("pairwise_distance", {x, y}).to_vector();
  EXPECT_LE(apart(shifted, all), 7e-6);  // eps in every coordinate moves the distance by sqrt(7) eps at most
  EXPECT_GT(apart(shifted, all), 0);
}

TEST(Coverage, GlobalHammingDistanceIsTheMeanOverTheSamples) {  // 0.11
  const Numbers a = {0, 0, 1, 0, 1, 0, 1, 1, 1}, b = {1, 0, 1, 0, 1, 0, 0, 0, 1};
  const Tensor x = classes(a, {3, 3}), y = classes(b, {3, 3});
  const Numbers each = call("hamming_distance", {x, y}, {{"multidim_average", "samplewise"}}).to_vector();
  EXPECT_LE(apart(each, {1 / 3., 0, 2 / 3.}), 1e-15);
  EXPECT_NEAR(call("hamming_distance", {x, y}, {{"multidim_average", "global"}}).item(), total(each) / 3, 1e-15);
}

TEST(Coverage, DistanceOfOrderZeroIsTheWidthTimesTheHammingFraction) {  // 0.12
  Numbers a = uniform(15, 81, 0, 3), b = uniform(20, 82, 0, 3);
  for (double& v : a) v = std::floor(v);
  for (double& v : b) v = std::floor(v);
  const Tensor x = leaf(a, {3, 5}), y = leaf(b, {4, 5});
  const Tensor counts = call("cdist", {x, y}, {{"p", 0.0}});
  const Numbers fractions = call("pairwise_hamming", {x, y}).to_vector();
  EXPECT_EQ(counts.to_vector(), times(fractions, 5));
  EXPECT_EQ(counts.to_vector(), call("pairwise_hamming", {x, y}, {{"normalize", 0.0}}).to_vector());
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j) {
      int differ = 0;
      for (int k = 0; k < 5; ++k) differ += a[size_t(5 * i + k)] != b[size_t(5 * j + k)];
      EXPECT_EQ(counts.at({i, j}), differ);
    }
  EXPECT_EQ(gradient(counts, x), Numbers(15, 0.0));
  EXPECT_EQ(gradient(counts, y), Numbers(20, 0.0));
}

TEST(Coverage, BothFormsOfTheKullbackLeiblerDivergenceAgree) {  // 0.14
  const Numbers p = distributions(6, 5, 91), q = distributions(6, 5, 92);
  const Tensor a = doubles(p, {6, 5}), b = doubles(q, {6, 5});
  const double direct = call("kl_divergence", {a, b}, {{"reduction", "sum"}}).item();
  EXPECT_NEAR(direct, kl_loop(p, q), 1e-12) << "with the natural logarithm";
  EXPECT_NEAR(call("kl_div", {log(b), a}, {{"reduction", "sum"}}).item(), direct, 1e-12);
}

TEST(Coverage, KlIsNeverNegativeAndNotSymmetric) {  // 0.15
  const Tensor p = doubles(distributions(1000, 6, 101), {1000, 6}), q = doubles(distributions(1000, 6, 102), {1000, 6});
  const Numbers all = values("kl_divergence", {p, q});
  ASSERT_EQ(all.size(), 1000u);
  EXPECT_GE(*std::min_element(all.begin(), all.end()), -1e-14);
  EXPECT_GE(*std::min_element(all.begin(), all.end()), 0);
  const Tensor a = doubles({0.5, 0.5}, {1, 2}), b = doubles({0.9, 0.1}, {1, 2});
  EXPECT_NEAR(call("kl_divergence", {a, b}).item(), std::log(5 / 3.), 1e-15);  // (log 5/9 + log 5) / 2
  EXPECT_NEAR(call("kl_divergence", {b, a}).item(), 0.9 * std::log(1.8) + 0.1 * std::log(0.2), 1e-15);
  EXPECT_GT(call("kl_divergence", {a, b}).item(), call("kl_divergence", {b, a}).item() + 0.1);
}

TEST(Coverage, KlOfTwoZeroProbabilitiesIsZero) {  // 0.16
  const Tensor q = doubles({0.25, 0.75, 0}, {1, 3});
  EXPECT_NEAR(call("kl_divergence", {doubles({0.5, 0.5, 0}, {1, 3}), q}).item(), kl_loop({0.5, 0.5}, {0.25, 0.75}),
              1e-15);
  EXPECT_EQ(call("kl_divergence", {doubles({0, 0, 0}, {1, 3}), q}).item(), 0);
  EXPECT_EQ(call("kl_divergence", {doubles({0.5, 0.25, 0.25}, {1, 3}), q}).item(), INFINITY) << "p > 0 where q = 0";
  EXPECT_EQ(call("kl_div", {log(q), doubles({0.5, 0.25, 0.25}, {1, 3})}).item(), INFINITY);
}

TEST(Coverage, CrossEntropyIsEntropyPlusKl) {  // 0.17
  const Numbers p = distributions(100, 4, 111), q = distributions(100, 4, 112);
  const Tensor a = doubles(p, {100, 4}), b = leaf(q, {100, 4});
  const Tensor cross = call("distribution_cross_entropy", {a, b}, {{"reduction", "none"}}),
               kl = call("kl_divergence", {a, b}, {{"reduction", "none"}});
  const Numbers h = values("entropy", {a}), c = cross.to_vector(), k = kl.to_vector();
  for (size_t r = 0; r < 100; ++r) {
    const auto row = [&](const Numbers& v) {
      return Numbers(v.begin() + int64_t(4 * r), v.begin() + int64_t(4 * r + 4));
    };
    EXPECT_NEAR(c[r], h[r] + k[r], 1e-12);
    EXPECT_NEAR(h[r], entropy_loop(row(p)), 1e-14);
    EXPECT_NEAR(k[r], kl_loop(row(p), row(q)), 1e-14);
  }
  EXPECT_LE(apart(gradient(cross, b), gradient(kl, b)), 1e-12);
}

TEST(Coverage, CrossEntropyOfADistributionIsMinusPLogQ) {  // 0.18
  const Numbers p = distributions(5, 3, 121), x = uniform(15, 122, -3, 3);
  const Tensor logits = doubles(x, {5, 3});
  const Numbers q = softmax(logits, 1).to_vector(), each = values("cross_entropy", {logits, doubles(p, {5, 3})});
  for (size_t r = 0; r < 5; ++r) {
    double wanted = 0;
    for (size_t c = 0; c < 3; ++c) wanted -= p[3 * r + c] * std::log(q[3 * r + c]);
    EXPECT_NEAR(each[r], wanted, 1e-14);
  }
}

TEST(Coverage, BinaryCrossEntropyIsThatOfTwoClasses) {  // 0.19
  const Numbers p = uniform(9, 131, 0.01, 0.99), y = uniform(9, 132, 0, 1);
  Numbers two_p, two_y;
  double mean = 0;
  for (size_t i = 0; i < 9; ++i) {
    two_p.insert(two_p.end(), {1 - p[i], p[i]});
    two_y.insert(two_y.end(), {1 - y[i], y[i]});
    mean -= (y[i] * std::log(p[i]) + (1 - y[i]) * std::log(1 - p[i])) / 9;
  }
  const Tensor a = doubles(p), b = doubles(y);
  EXPECT_NEAR(call("binary_cross_entropy", {a, b}).item(), mean, 1e-12) << "with 1/N";
  const Numbers pairs = values("cross_entropy", {log(doubles(two_p, {9, 2})), doubles(two_y, {9, 2})});
  EXPECT_LE(apart(values("binary_cross_entropy", {a, b}), pairs), 1e-12);
}

TEST(Coverage, AOneHotTargetIsAnIndexTarget) {  // 0.20
  const Tensor x = leaf(uniform(20, 141, -4, 4), {5, 4});
  const Numbers y = {3, 0, 2, 2, 1};
  Numbers hot(20);
  for (size_t r = 0; r < 5; ++r) hot[4 * r + size_t(y[r])] = 1;
  const Tensor by_index = call("cross_entropy", {x, classes(y)}),
               by_row = call("cross_entropy", {x, doubles(hot, {5, 4})});
  EXPECT_NEAR(by_index.item(), by_row.item(), 1e-15);
  EXPECT_LE(apart(gradient(by_index, x), gradient(by_row, x)), 1e-15);
}

const std::vector<Tensor>& three() {
  static const std::vector<Tensor> t = {doubles({0, 0, 1, 2}, {2, 2}), doubles({0, 0.5, 1, 1}, {2, 2}),
                                        doubles({0.25, 0, 3, 2}, {2, 2})};
  return t;
}

TEST(Coverage, TripletLossSquaresItsDistancesAndTripletMarginLossDoesNot) {  // 0.21
  // Squared distances: 1/4 against 1/16 and 1 against 4.
  EXPECT_NEAR(call("triplet_loss", three(), {{"margin", 0.2}}).item(), (0.25 - 0.0625 + 0.2) / 2, 1e-15);
  // Plain ones: 1/2 against 1/4 and 1 against 2.
  EXPECT_NEAR(call("triplet_margin_loss", three(), {{"margin", 0.2}, {"eps", 0.0}}).item(), (0.5 - 0.25 + 0.2) / 2,
              1e-15);
}

TEST(Coverage, KeepdimKeepsTheDistancesAndTheAxis) {  // 0.23
  const Tensor x = doubles(uniform(12, 151), {4, 3}), y = doubles(uniform(12, 152), {4, 3});
  const Tensor kept = call("pairwise_distance", {x, y}, {{"keepdim", 1.0}}), plain = call("pairwise_distance", {x, y});
  EXPECT_EQ(text(kept.shape()), "(4,1)");
  EXPECT_EQ(text(plain.shape()), "(4)");
  EXPECT_EQ(kept.to_vector(), plain.to_vector());
}

TEST(Coverage, CosineSimilarityIsTheDotProductOverBothLengths) {  // 3.2
  const auto f = [](const std::vector<Tensor>& in) { return call("cosine_similarity", in); };
  expect_gradients(f, {leaf(uniform(8, 161), {2, 4}), leaf(uniform(8, 162), {2, 4})});
  EXPECT_NEAR(f({doubles({3, 4}, {1, 2}), doubles({4, 3}, {1, 2})}).item(), 24 / 25., 1e-15);
  EXPECT_EQ(f({doubles({0, 0}, {1, 2}), doubles({4, 3}, {1, 2})}).item(), 0) << "of a zero vector";
}

TEST(Coverage, PairwiseDistanceAddsEpsToTheDifference) {  // 3.3
  // Nine coordinates that differ by 6 have distance 18; with eps = 1e-6 in each, sqrt(9) eps more or less.
  const Tensor x = zeros({1, 9}, Dtype::float64), y = full({1, 9}, 6, Dtype::float64);
  EXPECT_NEAR(call("pairwise_distance", {x, y}).item(), 18 - 3e-6, 1e-14);
  EXPECT_NEAR(call("pairwise_distance", {y, x}).item(), 18 + 3e-6, 1e-14);
  // The numbers of the row: 1 … 8 against twice as far, four coordinates of 9.
  EXPECT_NEAR(call("pairwise_distance", {zeros({1, 4}, Dtype::float64), full({1, 4}, 9, Dtype::float64)}).item(),
              17.999998, 1e-14);
}

}  // namespace
}  // namespace gradus
