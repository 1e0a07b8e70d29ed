// Losses on embeddings: pairs, triplets, whole batches, and the miners that choose among them.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "calls.h"
#include "gradient.h"
#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/data/miners.h"
#include "gradus/nn/loss.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/index.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

double dot(const Numbers& x, size_t i, const Numbers& y, size_t j, size_t d) {
  double s = 0;
  for (size_t k = 0; k < d; ++k) s += x[i * d + k] * y[j * d + k];
  return s;
}
double square_distance(const Numbers& x, size_t i, const Numbers& y, size_t j, size_t d) {
  double s = 0;
  for (size_t k = 0; k < d; ++k) s += std::pow(x[i * d + k] - y[j * d + k], 2);
  return s;
}

TEST(Coverage, TheTripletModuleIsTheTripletLoss) {  // 0.22
  const Tensor a = leaf(uniform(15, 1), {5, 3}), p = leaf(uniform(15, 2), {5, 3}), n = leaf(uniform(15, 3), {5, 3});
  LossModule module("triplet_loss");
  EXPECT_EQ(module(a, p, n).item(), call("triplet_loss", {a, p, n}, {{"margin", 0.2}, {"reduction", "mean"}}).item());
  double sum = 0;
  for (size_t i = 0; i < 5; ++i) {
    const double slack = square_distance(a.to_vector(), i, p.to_vector(), i, 3) -
                         square_distance(a.to_vector(), i, n.to_vector(), i, 3) + 0.2;
    EXPECT_GT(std::abs(slack), 0.05) << "away from the hinge";
    sum += std::max(0.0, slack);
  }
  EXPECT_NEAR(module(a, p, n).item(), sum / 5, 1e-15);
  expect_gradients([&](const std::vector<Tensor>& in) { return module.of(in); }, {a, p, n});
}

// ---- each of them against a plain loop, and its gradient against differences --------------------

const Numbers points = uniform(18, 4), others = uniform(18, 5), of_class = {0, 1, 0, 2, 1, 0};

TEST(Coverage, ContrastiveLossByHand) {  // 0.27
  const Numbers y = {1, 0, 1, 0, 0, 1};
  double sum = 0;
  for (size_t i = 0; i < 6; ++i) {
    const double d = std::sqrt(square_distance(points, i, others, i, 3));
    sum += y[i] > 0 ? d * d : std::pow(std::max(0.0, 1.5 - d), 2);
  }
  const auto f = [&](const std::vector<Tensor>& in) {
    return call("contrastive_loss", {in[0], in[1], doubles(y)}, {{"margin", 1.5}});
  };
  EXPECT_NEAR(f({doubles(points, {6, 3}), doubles(others, {6, 3})}).item(), sum / 6, 1e-14);
  expect_gradients(f, {leaf(points, {6, 3}), leaf(others, {6, 3})});
}

TEST(Coverage, LiftedStructuredLossByHand) {  // 0.27
  const auto d = [](size_t i, size_t j) { return std::sqrt(square_distance(points, i, points, j, 3)); };
  double sum = 0;
  int pairs = 0;
  for (size_t i = 0; i < 6; ++i)
    for (size_t j = i + 1; j < 6; ++j) {
      if (of_class[i] != of_class[j]) continue;
      double pushed = 0;
      for (size_t k = 0; k < 6; ++k)
        if (of_class[k] != of_class[i]) pushed += std::exp(1 - d(i, k)) + std::exp(1 - d(j, k));
      sum += std::pow(std::max(0.0, d(i, j) + std::log(pushed)), 2);
      ++pairs;
    }
  const auto f = [](const std::vector<Tensor>& in) {
    return call("lifted_structured_loss", {in[0], classes(of_class)});
  };
  EXPECT_NEAR(f({doubles(points, {6, 3})}).item(), sum / (2 * pairs), 1e-14);
  expect_gradients(f, {leaf(points, {6, 3})}, false);
}

TEST(Coverage, NPairLossByHand) {  // 0.27
  double sum = 0;
  for (size_t i = 0; i < 6; ++i) {
    double rivals = 1;
    for (size_t j = 0; j < 6; ++j)
      if (j != i) rivals += std::exp(dot(points, i, others, j, 3) - dot(points, i, others, i, 3));
    sum += std::log(rivals);
  }
  const auto f = [](const std::vector<Tensor>& in) { return call("n_pair_loss", in); };
  EXPECT_NEAR(f({doubles(points, {6, 3}), doubles(others, {6, 3})}).item(), sum / 6, 1e-14);
  expect_gradients(f, {leaf(points, {6, 3}), leaf(others, {6, 3})}, false);
}

TEST(Coverage, NoiseContrastiveEstimationByHand) {  // 0.27
  const Numbers s = uniform(2, 6), noise = uniform(6, 7), log_q = {-1, -2}, log_q_noise = uniform(6, 8, -3, -1);
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  double sum = 0;
  for (size_t r = 0; r < 2; ++r) {
    sum += softplus(-(s[r] - std::log(3.0) - log_q[r]));
    for (size_t k = 0; k < 3; ++k) sum += softplus(noise[3 * r + k] - std::log(3.0) - log_q_noise[3 * r + k]);
  }
  const auto f = [](const std::vector<Tensor>& in) { return call("nce_loss", in); };
  EXPECT_NEAR(f({doubles(s), doubles(noise, {2, 3}), doubles(log_q), doubles(log_q_noise, {2, 3})}).item(), sum / 2,
              1e-14);
  expect_gradients(f, {leaf(s), leaf(noise, {2, 3}), leaf(log_q), leaf(log_q_noise, {2, 3})});
}

TEST(Coverage, InfoNceByHand) {  // 0.27
  const auto cosine = [](size_t i, size_t j) {
    return dot(points, i, others, j, 3) / std::sqrt(dot(points, i, points, i, 3) * dot(others, j, others, j, 3));
  };
  double sum = 0;
  for (size_t i = 0; i < 6; ++i) {
    double all = 0;
    for (size_t j = 0; j < 6; ++j) all += std::exp((cosine(i, j) - cosine(i, i)) / 0.5);
    sum += std::log(all);
  }
  const auto f = [](const std::vector<Tensor>& in) { return call("info_nce_loss", in, {{"temperature", 0.5}}); };
  EXPECT_NEAR(f({doubles(points, {6, 3}), doubles(others, {6, 3})}).item(), sum / 6, 1e-14);
  expect_gradients(f, {leaf(points, {6, 3}), leaf(others, {6, 3})}, false);
}

TEST(Coverage, SoftNearestNeighborLossByHand) {  // 0.27
  double sum = 0;
  int rows = 0;
  for (size_t i = 0; i < 6; ++i) {
    double all = 0, mine = 0;
    for (size_t j = 0; j < 6; ++j) {
      if (j == i) continue;
      const double e = std::exp(-square_distance(points, i, points, j, 3));
      all += e;
      if (of_class[j] == of_class[i]) mine += e;
    }
    if (mine > 0) sum += std::log(all / mine), ++rows;
  }
  EXPECT_EQ(rows, 5) << "one class has a single row";
  const auto f = [](const std::vector<Tensor>& in) {
    return call("soft_nearest_neighbor_loss", {in[0], classes(of_class)});
  };
  EXPECT_NEAR(f({doubles(points, {6, 3})}).item(), sum / rows, 1e-14);
  expect_gradients(f, {leaf(points, {6, 3})}, false);
}

// ---- cosine embedding ---------------------------------------------------------------------------

TEST(Coverage, CosineEmbeddingPushesOnlyWhatIsTooNear) {  // 2.18
  const Tensor x = leaf({3, 4, 1, 0}, {2, 2}), y = leaf({4, 3, 0, 1}, {2, 2});
  EXPECT_LE(apart(values("cosine_embedding_loss", {x, y, doubles({1, 1})}), {1 - 24 / 25., 1}), 1e-11);
  EXPECT_LE(apart(values("cosine_embedding_loss", {x, y, doubles({-1, -1})}, {{"margin", 0.5}}), {24 / 25. - 0.5, 0}),
            1e-11);
  const Tensor apart_enough =
      call("cosine_embedding_loss", {x, y, doubles({-1, -1})}, {{"margin", 0.97}, {"reduction", "none"}});
  EXPECT_EQ(apart_enough.to_vector(), Numbers({0, 0}));
  EXPECT_EQ(gradient(apart_enough, x), Numbers(4, 0.0));
  EXPECT_EQ(gradient(apart_enough, y), Numbers(4, 0.0));
  EXPECT_EQ(error_of<DomainError>([&] { call("cosine_embedding_loss", {x, y, doubles({1, 0})}); }),
            "cosine_embedding_loss: target is 0 at row 1, wanted -1 or 1");
}

TEST(Coverage, RandomVectorsAreNearlyOrthogonal) {  // 2.19
  constexpr int64_t n = 10'000, d = 512, few = 500;
  Generator generator(11);
  Tensor vectors = zeros({n + 1, d});
  fill_normal(vectors.mutable_data<float>(), (n + 1) * d, 0, 1, generator);
  const Tensor x = slice(vectors, 0, 0, n),
               y = slice(vectors, 0, 1);  // each with the next: any two pairs are uncorrelated
  const Numbers c = call("cosine_similarity", {x, y}).to_vector();
  ASSERT_EQ(c.size(), size_t(n));
  const double middle = total(c) / n;
  double square = 0;
  for (double v : c) square += (v - middle) * (v - middle);
  EXPECT_NEAR(std::sqrt(square / n), 0.0442, 0.03 * 0.0442);
  // A loss of 0.0763 for two pairs needs both targets to be -1: one of +1 alone costs about 1, half of that in the
  // mean.
  const auto both = [&](double target) {
    return values("cosine_embedding_loss", {slice(x, 0, 0, few), slice(y, 0, 0, few), full({few}, target)});
  };
  const Numbers pulled = both(1), pushed = both(-1);
  EXPECT_GT(*std::min_element(pulled.begin(), pulled.end()) / 2, 0.3);
  EXPECT_LT(total(pushed) / few, 0.03);
  EXPECT_GT(*std::max_element(pushed.begin(), pushed.end()), 0.0763);
}

// ---- triplets and pairs -------------------------------------------------------------------------

TEST(Coverage, SquaredAndPlainTripletsAreDifferentLosses) {  // 4.19
  const auto both = [](double positive, double negative) {
    const std::vector<Tensor> in = {doubles({0}, {1, 1}), doubles({positive}, {1, 1}), doubles({negative}, {1, 1})};
    return std::pair(call("triplet_loss", in, {{"margin", 0.2}}).item(),
                     call("triplet_margin_loss", in, {{"margin", 0.2}, {"eps", 0.0}}).item());
  };
  EXPECT_NEAR(both(0.1, 0.4).first, 0.01 - 0.16 + 0.2, 1e-15);
  EXPECT_EQ(both(0.1, 0.4).second, 0);
  EXPECT_EQ(both(2, 2.15).first, 0);
  EXPECT_NEAR(both(2, 2.15).second, 0.05, 1e-15);
}

TEST(Coverage, FaceNetIsTheSquaredTripletOfUnitVectors) {  // 4.19
  const auto unit = [](const Numbers& v) {
    const Tensor x = doubles(v, {6, 3});
    return x / norm(x, 2, {1}, true);
  };
  const Numbers a = unit(points).to_vector(), p = unit(others).to_vector(), n = unit(uniform(18, 12)).to_vector();
  const Numbers loss = values("triplet_loss", {doubles(a, {6, 3}), doubles(p, {6, 3}), doubles(n, {6, 3})});
  for (size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(loss[i], std::max(0.0, 2 * (dot(a, i, n, i, 3) - dot(a, i, p, i, 3)) + 0.2), 1e-14);
}

TEST(Coverage, NegativesBeyondTheMarginAreLeftAlone) {  // 4.20
  const Tensor x = leaf({0.3, 0.3, 0.3, 1.7}, {4, 1}), zero = zeros({4, 1}, Dtype::float64),
               similar = doubles({1, 1, 0, 0});
  for (double power : {1.0, 2.0}) {
    const Tensor loss = call("contrastive_loss", {x, zero, similar}, {{"power", power}, {"reduction", "none"}});
    EXPECT_LE(apart(loss.to_vector(), {std::pow(0.3, power), std::pow(0.3, power), std::pow(0.7, power), 0}), 1e-15);
    const Numbers g = gradient(loss, x);
    EXPECT_NEAR(g[0], power == 1 ? 1 : 0.6, 1e-15) << "positives are pulled";
    EXPECT_NEAR(g[2], power == 1 ? -1 : -1.4, 1e-15) << "negatives are pushed";
    EXPECT_EQ(g[3], 0) << "until the margin";
  }
  // margin_ranking_loss compares two scores, and knows no distance.
  EXPECT_NEAR(call("margin_ranking_loss", {doubles({0.3}), doubles({0.1}), doubles({1})}, {{"margin", 0.5}}).item(),
              0.3, 1e-15);
  EXPECT_EQ(call("margin_ranking_loss", {doubles({0.7}), doubles({0.1}), doubles({1})}, {{"margin", 0.5}}).item(), 0);
}

TEST(Coverage, OnlyTripletsThatAreNotEasyHaveAGradient) {  // 4.21
  // The anchor at 0, its positive at 1; negatives before it, a little behind it, and far away.
  const Tensor x = leaf({0, 1, 0.5, 1.1, 3}, {5, 1}), labels = classes({0, 0, 1, 2, 3});
  const Tensor d = call("cdist", {x.detach(), x.detach()});
  const auto negatives = [&](Hardness h) {
    const Triplets t = mine_triplets(d, labels, h, 0.2);
    Numbers at;
    for (int64_t i = 0; i < t.anchor.numel(); ++i)
      if (t.anchor.at({i}) == 0) at.push_back(t.negative.at({i}));
    return at;
  };
  EXPECT_EQ(negatives(Hardness::hard), Numbers({2}));
  EXPECT_EQ(negatives(Hardness::semi_hard), Numbers({3}));
  EXPECT_EQ(negatives(Hardness::easy), Numbers({4}));
  const auto pick = [&](double i) { return index_select(x, 0, classes({i})); };
  for (double negative : {2, 3, 4}) {
    const Tensor loss =
        call("triplet_margin_loss", {pick(0), pick(1), pick(negative)}, {{"margin", 0.2}, {"eps", 0.0}});
    EXPECT_EQ(loss.item() > 0, negative < 4) << negative;
    EXPECT_EQ(gradient(loss, x) != Numbers(5, 0.0), negative < 4) << negative;
  }
}

TEST(Coverage, InfoNceOfEqualSimilaritiesIsTheLogOfTheirNumber) {  // 4.22
  for (int64_t n = 2; n < 10; ++n) {
    const Tensor query = doubles({1, 0}, {1, 2}), key = doubles({0.6, 0.8}, {1, 2}),
                 negatives = expand(key, {n - 1, 2}).clone();
    EXPECT_NEAR(call("info_nce_loss", {query, key}, {{"temperature", 0.1}}, {{"negative_keys", negatives}}).item(),
                std::log(double(n)), 1e-14);
  }
  double before = INFINITY;
  for (double angle : {1.5, 1.2, 0.9, 0.6, 0.3, 0.0}) {
    const Tensor query = doubles({1, 0}, {1, 2}), key = doubles({std::cos(angle), std::sin(angle)}, {1, 2});
    const double loss =
        call("info_nce_loss", {query, key}, {}, {{"negative_keys", doubles({0, 1, 0.6, 0.8}, {2, 2})}}).item();
    EXPECT_LT(loss, before);
    before = loss;
  }
}

}  // namespace
}  // namespace gradus
