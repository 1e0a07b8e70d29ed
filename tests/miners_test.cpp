// Miners: which triplets and pairs they pick, checked by hand and by plain loops over random batches.
#include "gradus/data/miners.h"

#include <gtest/gtest.h>

#include <set>

#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/ops/factories.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using Triple = std::vector<int64_t>;

std::vector<Triple> listed(const Triplets& t) {
  std::vector<Triple> all;
  const auto a = t.anchor.to_vector(), p = t.positive.to_vector(), n = t.negative.to_vector();
  for (size_t i = 0; i < a.size(); ++i) all.push_back({int64_t(a[i]), int64_t(p[i]), int64_t(n[i])});
  return all;
}

// Points 0, 1, 1.5, 4 on a line, of classes A A B B.
const std::vector<double> places = {0, 1, 1.5, 4};
Tensor line_distances() {
  std::vector<double> d;
  for (double x : places)
    for (double y : places) d.push_back(std::abs(x - y));
  return tensor(d, {4, 4}, Dtype::float64);
}
Tensor line_labels() { return tensor({0, 0, 1, 1}, {4}, Dtype::int64); }

TEST(Miners, EasySemiHardAndHardNegativesByHand) {
  const Tensor d = line_distances(), y = line_labels();
  // anchor 0: d(p) = 1, negatives at 1.5 and 4; anchor 1: d(p) = 1, at 0.5 and 3; anchor 2: 2.5, at 1.5 and 0.5; anchor
  // 3: 2.5, at 4 and 3.
  EXPECT_EQ(listed(mine_triplets(d, y, Hardness::hard)), (std::vector<Triple>{{1, 0, 2}, {2, 3, 0}, {2, 3, 1}}));
  EXPECT_EQ(listed(mine_triplets(d, y, Hardness::semi_hard, 1.0)), (std::vector<Triple>{{0, 1, 2}, {3, 2, 1}}));
  EXPECT_EQ(listed(mine_triplets(d, y, Hardness::easy, 1.0)), (std::vector<Triple>{{0, 1, 3}, {1, 0, 3}, {3, 2, 0}}));
  EXPECT_EQ(listed(mine_triplets(d, y)).size(), 8u);
}

TEST(Miners, TheHardestOfABatch) {
  const Tensor y = tensor({0, 0, 0, 1, 1}, {5}, Dtype::int64);
  const Tensor d =
      tensor({0, 2, 3, 5, 4, 2, 0, 1, 1, 1, 3, 1, 0, 9, 8, 5, 1, 9, 0, 7, 4, 1, 8, 7, 0}, {5, 5}, Dtype::float64);
  EXPECT_EQ(listed(batch_hard_triplets(d, y)),
            (std::vector<Triple>{{0, 2, 4}, {1, 0, 3}, {2, 0, 4}, {3, 4, 1}, {4, 3, 1}}));
  EXPECT_EQ(listed(easy_positive_triplets(d, y, Hardness::easy, 1.0)),
            (std::vector<Triple>{{0, 1, 4}, {1, 2, 3}, {2, 1, 4}, {3, 4, 2}, {4, 3, 2}}));
}

TEST(Miners, KindsOfNegativesShareAllTriplets) {
  Tensor x = zeros({12, 12}, Dtype::float64);
  Generator generator(7);
  fill_uniform(x.mutable_data<double>(), x.numel(), 0.0, 1.0, generator);
  const Tensor y = tensor({0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 0, 0}, {12}, Dtype::int64);
  std::set<Triple> apart;
  size_t count = 0;
  for (Hardness h : {Hardness::hard, Hardness::semi_hard, Hardness::easy})
    for (const Triple& t : listed(mine_triplets(x, y, h, 0.3))) apart.insert(t), ++count;
  const std::vector<Triple> all = listed(mine_triplets(x, y));
  EXPECT_EQ(count, all.size());
  EXPECT_EQ(apart, std::set<Triple>(all.begin(), all.end()));
}

TEST(Miners, PairsByMargins) {
  const Pairs p = mine_pairs(line_distances(), line_labels(), 2, 1);
  EXPECT_EQ(p.anchor.to_vector(), (std::vector<double>{2, 3}));
  EXPECT_EQ(p.positive.to_vector(), (std::vector<double>{3, 2}));
  EXPECT_EQ(p.other_anchor.to_vector(), (std::vector<double>{1, 2}));
  EXPECT_EQ(p.negative.to_vector(), (std::vector<double>{2, 1}));
  const Pairs all = mine_pairs(line_distances(), line_labels());
  EXPECT_EQ(all.anchor.numel(), 4);
  EXPECT_EQ(all.negative.numel(), 8);
}

TEST(Miners, ABatchOfOneClassOrNoneHasNoTriplets) {
  EXPECT_EQ(mine_triplets(zeros({3, 3}), tensor({1, 1, 1}, {3}, Dtype::int64)).anchor.numel(), 0);
  EXPECT_EQ(batch_hard_triplets(zeros({0, 0}), zeros({0}, Dtype::int64)).anchor.numel(), 0);
}

TEST(Miners, SayWhatTheyWanted) {
  EXPECT_EQ(error_of([] { mine_triplets(zeros({3, 2}), zeros({3}, Dtype::int64)); }),
            "mine_triplets: distances have shape (3,2), wanted (3,3) as there are 3 labels");
  EXPECT_EQ(error_of([] { batch_hard_triplets(zeros({3, 3}), zeros({3})); }),
            "batch_hard_triplets: labels are float32 (3), wanted integers of shape (N)");
}

}  // namespace
}  // namespace gradus
