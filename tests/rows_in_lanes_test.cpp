// Rows long enough for lanes along them: what is summed in several rounds or finished together is what a plain loop in
// double says, at any magnitude, and a row does not depend on its neighbours.
#include <gtest/gtest.h>

#include <cmath>

#include "calls.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

constexpr int64_t rows = 21, columns = 131;  // neither is a multiple of any pack

Tensor singles(uint64_t seed, double scale, const Shape& shape = {rows, columns}) {
  return tensor(times(uniform(shape.numel(), seed), scale), shape, Dtype::float32);
}
double at(const Numbers& v, int64_t r, int64_t c) { return v[size_t(r * columns + c)]; }

double norm_of(const Numbers& x, const Numbers& y, int64_t r, double p) {
  double top = 0, sum = 0;
  for (int64_t c = 0; c < columns; ++c) top = std::max(top, std::abs(at(x, r, c) - at(y, r, c)));
  if (std::isinf(p)) return top;
  for (int64_t c = 0; c < columns; ++c) sum += std::pow(std::abs(at(x, r, c) - at(y, r, c)) / top, p);
  return top * std::pow(sum, 1 / p);
}

TEST(RowsInLanes, DistancesAreThoseOfAPlainLoopAtAnyMagnitude) {
  for (double scale : {1.0, 1e-37, 1e-20, 1e-12, 1e12, 1e20, 1e36})
    for (double p : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
      const Tensor x = singles(1, scale).requires_grad(true), y = singles(2, scale);
      const Tensor d = call("pairwise_distance", {x, y}, {{"p", p}, {"eps", 0.0}});
      const Numbers slope = gradient(d, x), a = x.to_vector(), b = y.to_vector(), length = d.to_vector();
      for (int64_t r = 0; r < rows; ++r) {
        const double norm = norm_of(a, b, r, p);
        EXPECT_NEAR(length[size_t(r)] / norm, 1, 2e-6) << "scale " << scale << ", p " << p << ", row " << r;
        for (int64_t c = 0; c < columns && !std::isinf(p); ++c) {
          const double e = (at(a, r, c) - at(b, r, c)) / norm;
          EXPECT_NEAR(at(slope, r, c), std::copysign(std::pow(std::abs(e), p - 1), e), 4e-6) << scale << " " << p;
        }
      }
    }
}

TEST(RowsInLanes, ATripletsDistancesHaveEachTheirOwnMagnitude) {
  const Tensor a = singles(1, 1e-20).requires_grad(true), p = singles(2, 1e-20), n = singles(3, 1e25);
  const Options options = {{"eps", 0.0}, {"margin", 1e27}, {"reduction", "none"}};
  const Tensor loss = call("triplet_margin_loss", {a, p, n}, options);
  const Numbers slope = gradient(loss, a), value = loss.to_vector();
  for (int64_t r = 0; r < rows; ++r) {
    const double ap = norm_of(a.to_vector(), p.to_vector(), r, 2), an = norm_of(a.to_vector(), n.to_vector(), r, 2);
    EXPECT_NEAR(value[size_t(r)] / (1e27 + ap - an), 1, 1e-6);
    for (int64_t c = 0; c < columns; ++c) {
      const double x = at(a.to_vector(), r, c);
      EXPECT_NEAR(at(slope, r, c), (x - at(p.to_vector(), r, c)) / ap - (x - at(n.to_vector(), r, c)) / an, 2e-6);
    }
  }
}

TEST(RowsInLanes, CosinesHaveNoScale) {
  for (const auto& [scale_x, scale_y] :
       {std::pair{1.0, 1.0}, {1e-30, 1e30}, {1e36, 1e36}, {1e-36, 1e-36}, {1e-13, 1.0}}) {
    const Tensor x = singles(1, scale_x).requires_grad(true), y = singles(2, scale_y);
    const Tensor c = call("cosine_similarity", {x, y}, {{"eps", 0.0}});
    const Numbers a = x.to_vector(), b = y.to_vector(), slope = gradient(c, x), cosine = c.to_vector();
    for (int64_t r = 0; r < rows; ++r) {
      double xx = 0, yy = 0, xy = 0;
      for (int64_t i = 0; i < columns; ++i)
        xx += at(a, r, i) * at(a, r, i), yy += at(b, r, i) * at(b, r, i), xy += at(a, r, i) * at(b, r, i);
      const double n_x = std::sqrt(xx), n_y = std::sqrt(yy), right = xy / n_x / n_y;
      EXPECT_NEAR(cosine[size_t(r)], right, 3e-7) << scale_x;
      for (int64_t i = 0; i < columns; ++i)
        EXPECT_NEAR(at(slope, r, i) * n_x, at(b, r, i) / n_y - right * at(a, r, i) / n_x, 1e-6) << scale_x;
    }
  }
}

TEST(RowsInLanes, ZerosInfinitiesAndNaNs) {
  const double inf = std::numeric_limits<double>::infinity();
  const Numbers special = {0, inf, std::nan(""), 1};
  Numbers x(size_t(4 * columns), 0.0);
  for (size_t r = 0; r < 4; ++r) x[r * columns + 77] = special[r];
  const Tensor a = tensor(x, {4, columns}, Dtype::float32).requires_grad(true);
  for (double p : {1.0, 2.0}) {
    const Tensor d = call("pairwise_distance", {a, zeros({4, columns})}, {{"eps", 0.0}, {"p", p}});
    const Numbers length = d.to_vector(), slope = gradient(d, a);
    EXPECT_EQ(length[0], 0);
    EXPECT_EQ(length[1], inf);
    EXPECT_TRUE(std::isnan(length[2]));
    EXPECT_EQ(length[3], 1);
    for (int64_t c = 0; c < columns; ++c) {
      EXPECT_EQ(at(slope, 0, c), 0);
      EXPECT_EQ(at(slope, 3, c), c == 77 ? 1 : 0);
    }
  }
  const Numbers cosine = call("cosine_similarity", {a, ones({4, columns})}).to_vector();
  EXPECT_EQ(cosine[0], 0);
  EXPECT_TRUE(std::isnan(cosine[2]));
  EXPECT_NEAR(cosine[3], 1 / std::sqrt(double(columns)), 1e-7);
}

TEST(RowsInLanes, ARowIsTheSameAloneAndAmongOthers) {
  const Tensor x = singles(1, 3), y = singles(2, 3), z = singles(3, 3), signs = ones({rows});
  Numbers label(static_cast<size_t>(rows));
  for (size_t r = 0; r < label.size(); ++r) label[r] = double(r * 37 % size_t(columns));
  const Tensor labels = classes(label);
  const std::vector<std::pair<std::string, std::vector<Tensor>>> calls = {
      {"triplet_margin_loss", {x, y, z}}, {"cosine_embedding_loss", {x, y, signs}},
      {"cosine_similarity", {x, y}},      {"cross_entropy", {x, labels}},
      {"nll_loss", {x, labels}},          {"multi_margin_loss", {x, labels}}};
  for (const auto& [name, inputs] : calls) {
    Options none;
    if (name != "cosine_similarity") none.emplace_back("reduction", "none");
    const auto of = [&, &name = name, &inputs = inputs](int64_t first, int64_t count) {
      std::vector<Tensor> part;
      for (const Tensor& t : inputs) part.push_back(slice(t, 0, first, first + count).clone());
      part[0] = part[0].detach().requires_grad(true);
      const Tensor value = call(name, part, none);
      Numbers all = value.to_vector(), slope = gradient(value, part[0]);
      all.insert(all.end(), slope.begin(), slope.end());
      return all;
    };
    const Numbers together = of(0, rows);
    for (int64_t r = 0; r < rows; ++r) {
      const Numbers alone = of(r, 1);
      EXPECT_EQ(alone[0], together[size_t(r)]) << name << " row " << r;
      for (int64_t c = 0; c < columns; ++c)
        ASSERT_EQ(alone[size_t(c) + 1], together[size_t(rows + r * columns + c)]) << name << " row " << r;
    }
  }
}

TEST(RowsInLanes, OnlyTheLabelIsLookedAtButAllWeightsAreChecked) {
  const Tensor x = singles(1, 1).requires_grad(true);
  Numbers label(size_t(rows), 0.0), weight(size_t(columns), 0.5);
  label[0] = 130, label[1] = 15, label[2] = 16, label[3] = -100, label[20] = 129;
  weight[16] = 2;
  const Tensor w = tensor(weight, {columns}, Dtype::float32).requires_grad(true);
  const Tensor loss = call("nll_loss", {x, classes(label)}, {{"reduction", "sum"}}, {{"weight", w}});
  const Numbers slope = gradient(loss, x), of_weights = gradient(loss, w), in = x.to_vector();
  double sum = 0;
  Numbers pull(size_t(columns), 0.0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      const bool hit = double(c) == label[size_t(r)];
      EXPECT_EQ(at(slope, r, c), hit ? -weight[size_t(c)] : 0) << r << " " << c;
      if (hit) sum -= weight[size_t(c)] * at(in, r, c), pull[size_t(c)] -= at(in, r, c);
    }
  EXPECT_NEAR(loss.item(), sum, 1e-5);
  EXPECT_LE(apart(of_weights, pull), 1e-5);
  weight[130] = -1;
  EXPECT_EQ(error_of([&] {
              call("nll_loss", {x, classes(Numbers(size_t(rows), 3.0))}, {},
                   {{"weight", tensor(weight, {columns}, Dtype::float32)}});
            }),
            "nll_loss: weight is -1 at class 130, wanted a value >= 0");
}

TEST(RowsInLanes, ContrastsInPacksAreThoseOfSingleNumbers) {
  for (int64_t n : {5, 16, 37}) {
    const Tensor q = singles(1, 1, {n, 8}), k = singles(2, 1, {n, 8});
    Numbers value[2], slope[2];
    for (int i = 0; i < 2; ++i) {
      const Dtype dtype = i ? Dtype::float64 : Dtype::float32;
      const Tensor x = to(q, dtype).requires_grad(true), y = to(k, dtype);
      const Tensor loss = call("info_nce_loss", {x, y}, {{"reduction", "none"}, {"temperature", 0.05}});
      value[i] = loss.to_vector(), slope[i] = gradient(loss, x);
      const Numbers score = y.to_vector(), query = x.to_vector();
      for (int64_t r = 0; r < n && i; ++r) {  // by hand
        double own = 0, all = 0;
        for (int64_t j = 0; j < n; ++j) {
          double dot = 0, aa = 0, bb = 0;
          for (int64_t d = 0; d < 8; ++d) {
            const double a = query[size_t(r * 8 + d)], b = score[size_t(j * 8 + d)];
            dot += a * b, aa += a * a, bb += b * b;
          }
          const double s = dot / std::sqrt(aa * bb) / 0.05;
          all += std::exp(s);
          if (j == r) own = s;
        }
        EXPECT_NEAR(value[1][size_t(r)], std::log(all) - own, 1e-12);
      }
    }
    EXPECT_LE(apart(value[0], value[1]), 2e-5);
    EXPECT_LE(apart(slope[0], slope[1]), 2e-4);
  }
}

TEST(RowsInLanes, EqualWeightsCountAsOneNumberDoes) {
  const Shape shape{3000};
  const Tensor x = singles(1, 1, shape), y = singles(2, 1, shape), same = full(shape, 0.3);
  for (const char* name : {"mse_loss", "huber_loss", "l1_loss"}) {
    const double one = call(name, {x, y}, {{"weight", 0.3}}).item();
    EXPECT_NEAR(call(name, {x, y}, {}, {{"weight", same}}).item(), one, 1e-7) << name;
    EXPECT_NEAR(call(name, {x, y}).item(), one, 1e-7) << name;
  }
}

}  // namespace
}  // namespace gradus
