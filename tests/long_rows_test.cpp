// Softmax losses over rows long enough for their fast way: float32 sums whole blocks of columns below their largest
// logit and keeps the exps.  The oracle is the definition as a plain loop in long double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "calls.h"
#include "gradus/core/random.h"
#include "gradus/core/threads.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/huber_loss.h"
#include "gradus/losses/nll_loss.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

using namespace calls;
using Real = long double;

// The cross-entropy of a row, and its gradient; `rest` is what the other classes' exps add up to below the label's.
struct Row {
  Real loss = 0;
  std::vector<Real> gradient;

  Row(const float* z, int64_t n, int64_t label) {
    Real rest = 0;
    for (int64_t k = 0; k < n; ++k)
      if (k != label) rest += std::exp(Real(z[k]) - z[label]);
    loss = std::log1p(rest);
    for (int64_t k = 0; k < n; ++k)
      gradient.push_back(k == label ? -rest / (1 + rest) : std::exp(Real(z[k]) - z[label]) / (1 + rest));
  }
};

void expect_near(Real got, Real want, const char* what, int64_t row, int64_t column) {
  const Real slack = 4e-6L * std::abs(want) + std::numeric_limits<float>::min();
  EXPECT_NEAR(double(got), double(want), double(slack)) << what << ", row " << row << ", column " << column;
}

void expect_cross_entropy(const Tensor& logits, const std::vector<int64_t>& labels) {
  const Tensor x = logits.detach().requires_grad(true);
  const int64_t rows = x.shape()[0], columns = x.shape()[1];
  const Tensor y = classes(Numbers(labels.begin(), labels.end())), loss = cross_entropy(x, y, {}, Reduction::none);
  cross_entropy(x, y, {}, Reduction::sum).backward();
  int64_t counted = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* g = x.grad().data<float>() + r * columns;
    if (labels[size_t(r)] < 0) {
      EXPECT_EQ(loss.data<float>()[r], 0);
      for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(g[c], 0) << "row " << r << " is ignored";
      continue;
    }
    ++counted;
    const Row want(x.data<float>() + r * columns, columns, labels[size_t(r)]);
    expect_near(loss.data<float>()[r], want.loss, "loss", r, labels[size_t(r)]);
    for (int64_t c = 0; c < columns; ++c) expect_near(g[c], want.gradient[size_t(c)], "gradient", r, c);
  }
  // The mean's gradient is the sum's over the number of rows that count, in the same pass or in another.
  const Tensor mean = x.detach().requires_grad(true);
  (cross_entropy(mean, y) * 3.0).backward();
  for (int64_t i = 0; i < x.numel(); ++i)
    ASSERT_NEAR(mean.grad().data<float>()[i], 3.0 * x.grad().data<float>()[i] / double(counted), 1e-6) << i;
}

class LongRows : public testing::TestWithParam<int64_t> {};

TEST_P(LongRows, AreTheDefinition) {
  manual_seed(1);
  const int64_t n = GetParam();
  expect_cross_entropy(randn({6, n}) * 4.0, {0, n - 1, n / 2, -100, 17, n - 5});
}

TEST_P(LongRows, KeepATinyLossExact) {
  const int64_t n = GetParam();
  Tensor x = full({4, n}, -30.0);
  const std::vector<int64_t> labels = {0, n - 1, n / 2, 3};
  for (int64_t r = 0; r < 4; ++r) x.set({r, labels[size_t(r)]}, 5.0);  // the loss is about n exp(-35)
  expect_cross_entropy(x, labels);
}

TEST_P(LongRows, ShareTheirMaximum) {
  const int64_t n = GetParam();
  manual_seed(2);
  Tensor x = randn({4, n});
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = r; c < n; c += 1 + 40 * r) x.set({r, c}, 6.0);
  expect_cross_entropy(x, {0, 1, n - 1, n / 3});
}

TEST_P(LongRows, HaveAbsentClassesAndLanesOfNothingElse) {
  const int64_t n = GetParam();
  manual_seed(3);
  Tensor x = randn({3, n});
  for (int64_t c = 0; c < n; ++c) {
    if (c % 16 == 5) x.set({0, c}, -INFINITY);
    if (c != 40) x.set({1, c}, -INFINITY);
    if (c % 3) x.set({2, c}, -3e38);
  }
  expect_cross_entropy(x, {0, 40, 33});
}

// The gradient's factor of a block may be so small that it has few digits, or none.
TEST_P(LongRows, HaveColumnsFarBelowTheTop) {
  const int64_t n = GetParam();
  manual_seed(5);
  Tensor x = randn({4, n});
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = n / 2; c < n; ++c) x.set({r, c}, x.at({r, c}) - 40.0 - 20 * double(r));
  expect_cross_entropy(x, {0, n - 1, 3, n - 2});
}

TEST_P(LongRows, AreTheSameWithOptionsThatChangeNothing) {
  manual_seed(4);
  const int64_t n = GetParam();
  const Tensor logits = randn({5, n}), y = classes(Numbers{0, double(n - 1), -100, 20, 33});
  const auto of = [&](const CrossEntropy& options) {
    const Tensor x = logits.detach().requires_grad(true), loss = cross_entropy(x, y, options);
    loss.backward();
    Numbers all = x.grad().to_vector();
    all.push_back(loss.item());
    return all;
  };
  const Numbers plain = of({}), weighted = of({.weight = ones({n})}), capped = of({.softcap = 1e6});
  for (size_t i = 0; i < plain.size(); ++i) {
    ASSERT_NEAR(weighted[i], plain[i], 2e-6 * std::abs(plain[i]) + 1e-30) << i;
    ASSERT_NEAR(capped[i], plain[i], 1e-5 * std::abs(plain[i]) + 1e-30) << i;
  }
}

TEST_P(LongRows, DoNotDependOnThreads) {
  manual_seed(5);
  const int64_t n = GetParam();
  const Tensor logits = randn({7, n}), y = classes(Numbers{0, 1, 2, 3, double(n - 1), double(n / 2), 5});
  const auto of = [&] {
    const Tensor x = logits.detach().requires_grad(true), loss = cross_entropy(x, y);
    loss.backward();
    Numbers all = x.grad().to_vector();
    all.push_back(loss.item());
    return all;
  };
  const int before = threads();
  set_threads(1);
  const Numbers one = of();
  set_threads(3);
  EXPECT_EQ(of(), one);
  set_threads(before);
}

TEST_P(LongRows, OfLogProbabilitiesReadTheLabelAlone) {
  manual_seed(6);
  const int64_t n = GetParam();
  const Numbers labels{0, double(n - 1), -100, double(n / 2)};
  Tensor x = randn({4, n});
  x.set({0, 1}, NAN);  // nobody asked for it
  x.requires_grad(true);
  nll_loss(x, classes(labels), {}, Reduction::sum).backward();
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = 0; c < n; ++c) ASSERT_EQ(x.grad().at({r, c}), double(c) == labels[size_t(r)] ? -1 : 0) << r;
  EXPECT_EQ(float(nll_loss(x, classes(labels), {}, Reduction::sum).item()),
            float(-x.at({0, 0}) - x.at({1, n - 1}) - x.at({3, n / 2})));
}

// The ends of packs and blocks, and rows that threads share.
INSTANTIATE_TEST_SUITE_P(Columns, LongRows, testing::Values(64, 71, 1000, 2048, 2063, 2064, 4129, 131080));

// All losses of this kind, against their own float64, which goes another way.
TEST(LongRowsOf, EveryLossAgreeWithFloat64) {
  manual_seed(7);
  const int64_t n = 2100;
  const Tensor x = randn({4, n}) * 3.0, y = classes(Numbers{0, 2099, 100, 2047}), q = rand({4, n}) / double(n);
  for (const char* name :
       {"softmax_focal_loss", "generalized_cross_entropy", "poly_loss", "sparse_categorical_cross_entropy",
        "symmetric_cross_entropy", "brier_score_loss", "entropy_with_logits", "kl_div_with_logits"}) {
    const LossEntry& entry = loss_named(name);
    const FormulaEntry& formula = *entry.formula(0);
    const auto of = [&](Dtype dtype) {
      const Tensor input = to(x, dtype).requires_grad(true);
      std::vector<Tensor> given{input};
      if (formula.inputs > 1) given.push_back(formula.input(1)->label ? y : to(q, dtype));
      Options options;
      if (std::string(name) == "sparse_categorical_cross_entropy") options.emplace_back("from_logits", 1.0);
      const Tensor loss = call(name, given, options);
      Numbers all = gradient(loss, input);
      all.push_back(loss.item());
      return all;
    };
    const Numbers single = of(Dtype::float32), exact = of(Dtype::float64);
    double largest = 0;
    for (size_t i = 0; i + 1 < exact.size(); ++i) largest = std::max(largest, std::abs(exact[i]));
    for (size_t i = 0; i < exact.size(); ++i)
      ASSERT_NEAR(single[i], exact[i], 2e-5 * std::max(std::abs(exact[i]), 1e-2 * largest)) << name << " " << i;
  }
}

}  // namespace
// A gradient this large is written past the caches; each row alone is not.
TEST(LongRowsOf, ALargeGradientIsThatOfItsRows) {
  constexpr int64_t rows = 19, columns = 120001;
  std::vector<double> numbers(size_t(rows * columns));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = double(i * 7919 % 1009) / 100;
  const Tensor logits = tensor(numbers, {rows, columns}).requires_grad(true);
  std::vector<double> targets;
  for (int64_t r = 0; r < rows; ++r) targets.push_back(double(r * 6007));
  const Tensor labels = tensor(targets, {rows}, Dtype::int64);
  const Tensor whole = grad({cross_entropy(logits, labels, {}, Reduction::sum)}, {logits})[0];
  for (int64_t r = 0; r < rows; ++r) {
    const Tensor row =
        tensor(std::vector<double>(numbers.begin() + r * columns, numbers.begin() + (r + 1) * columns), {1, columns})
            .requires_grad(true);
    const Tensor label = tensor({targets[size_t(r)]}, {1}, Dtype::int64);
    const Tensor alone = grad({cross_entropy(row, label, {}, Reduction::sum)}, {row})[0];
    ASSERT_EQ(0, std::memcmp(alone.data<float>(), whole.data<float>() + r * columns, size_t(columns) * sizeof(float)))
        << "row " << r;
  }
}

TEST(LongRowsOf, ALargeGradientOfElementsIsThatOfItsParts) {
  manual_seed(6);
  constexpr int64_t n = (int64_t{1} << 21) + 4099, part = 50021;
  const Tensor x = randn({n}).requires_grad(true), y = randn({n});
  const Tensor whole = grad({huber_loss(x, y, {}, Reduction::sum)}, {x})[0];
  for (int64_t first = 0; first < n; first += part) {
    const int64_t last = std::min(n, first + part);
    const Tensor a = slice(x, 0, first, last).detach().requires_grad(true), b = slice(y, 0, first, last);
    const Tensor alone = grad({huber_loss(a, b, {}, Reduction::sum)}, {a})[0];
    ASSERT_EQ(slice(whole, 0, first, last).to_vector(), alone.to_vector()) << "from " << first;
  }
}

}  // namespace gradus
