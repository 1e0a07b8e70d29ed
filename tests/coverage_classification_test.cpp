// Classification losses: probabilities and logits, indices and distributions, hinges.
#include <gtest/gtest.h>

#include "calls.h"
#include "gradient.h"
#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/conv.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/index.h"
#include "gradus/ops/math.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

Numbers one_hot_of(const Numbers& y, size_t width) {
  Numbers hot(y.size() * width);
  for (size_t r = 0; r < y.size(); ++r) hot[r * width + size_t(y[r])] = 1;
  return hot;
}
// -log softmax(x)[c] of one row.
double row_nll(const Numbers& x, size_t row, size_t width, size_t c) {
  double sum = 0;
  for (size_t k = 0; k < width; ++k) sum += std::exp(x[row * width + k] - x[row * width + c]);
  return std::log(sum);
}

// ---- probabilities and logits -------------------------------------------------------------------

TEST(Coverage, AProbabilityOutsideItsRangeIsNamed) {  // 1.11
  const Tensor y = doubles({0, 1});
  EXPECT_EQ(error_of<DomainError>([&] { call("binary_cross_entropy", {doubles({0.5, 1.2}), y}); }),
            "binary_cross_entropy: input is 1.2 at element 1, wanted a value in [0, 1]");
  EXPECT_EQ(error_of<DomainError>([&] { call("binary_cross_entropy", {doubles({-0.1, 0.5}), y}); }),
            "binary_cross_entropy: input is -0.1 at element 0, wanted a value in [0, 1]");
}

TEST(Coverage, WhereProbabilitiesAreClippedDecidesWhatCertaintyCosts) {  // 1.12, 5.4
  const Tensor p = doubles({0, 1, 1, 0}), y = doubles({1, 0, 1, 0});
  EXPECT_EQ(values("binary_cross_entropy", {p, y}), Numbers({100, 100, 0, 0})) << "as PyTorch: no logarithm below -100";
  const Numbers keras = values("binary_cross_entropy", {p, y}, {{"clamp", "keras"}});
  EXPECT_NEAR(keras[0], -std::log(1e-7), 1e-9);
  EXPECT_NEAR(keras[0], 16.118, 1e-3);
  EXPECT_NEAR(keras[1], -std::log(1e-7), 1e-7);  // 1 - (1 - 1e-7) is not 1e-7 to the last bit
  EXPECT_NEAR(keras[2], 1e-7, 1e-13);
  EXPECT_NEAR(values("binary_cross_entropy", {p, y}, {{"clamp", "keras"}, {"eps", 1e-3}})[0], -std::log(1e-3), 1e-12);
  const Numbers q = {0.92, 0.976, 0.003}, t = {0, 0, 1};
  double mean = 0;
  for (size_t i = 0; i < 3; ++i) mean -= std::log(t[i] > 0 ? q[i] : 1 - q[i]) / 3;
  EXPECT_NEAR(call("binary_cross_entropy", {doubles(q), doubles(t)}, {{"clamp", "keras"}}).item(), mean, 1e-14);
  const Tensor x = doubles({logit_of(q[0]), logit_of(q[1]), logit_of(q[2])});
  EXPECT_NEAR(call("binary_cross_entropy_with_logits", {x, doubles(t)}).item(), mean, 1e-14);
}

TEST(Coverage, SoftmaxBeforeTheLossIsAWrongValue) {  // 1.13
  const Numbers x = {2, 0, -1};
  const Tensor logits = doubles(x, {1, 3}), y = classes({0});
  EXPECT_NEAR(call("cross_entropy", {logits, y}).item(), row_nll(x, 0, 3, 0), 1e-15);
  const Tensor twice = softmax(logits, 1);
  EXPECT_NEAR(call("cross_entropy", {twice, y}).item(), row_nll(twice.to_vector(), 0, 3, 0), 1e-15);
  EXPECT_NEAR(call("cross_entropy", {logits, y}).item(), 0.16984601955628567, 1e-15);  // log(1 + e^-2 + e^-3)
  EXPECT_NEAR(call("cross_entropy", {twice, y}).item(), 0.67, 0.05);
  // The best that a double softmax can reach is not 0: a certain row gives log(1 + (C - 1) / e).
  EXPECT_NEAR(call("cross_entropy", {softmax(doubles({1e3, 0, 0}, {1, 3}), 1), y}).item(),
              std::log(1 + 2 / std::exp(1.0)), 1e-15);
}

TEST(Coverage, IndicesAreIntegers) {  // 1.14, 2.4, 3.14
  const Tensor x = doubles(uniform(6, 1), {2, 3});
  EXPECT_EQ(call("cross_entropy", {x, to(classes({2, 0}), Dtype::int32)}).item(),
            call("cross_entropy", {x, classes({2, 0})}).item())
      << "int32 is accepted";
  EXPECT_EQ(error_of<ShapeError>([&] { call("cross_entropy", {x, doubles({2, 0})}); }),
            "cross_entropy: target has shape (2) but input has shape (2,3), wanted (2,3); labels are int64, convert them with "
            "to(Dtype::int64)")
      << "floats are distributions";
  EXPECT_EQ(error_of<DtypeError>([&] { call("nll_loss", {x, doubles({2, 0})}); }),
            "nll_loss: target is float64, wanted integer labels; convert it with to(Dtype::int64)");
  EXPECT_EQ(call("nll_loss", {x, to(doubles({2, 0}), Dtype::int64)}).item(), -(x.at({0, 2}) + x.at({1, 0})) / 2)
      << "a target that was converted";
}

TEST(Coverage, CategoricalCrossEntropyLeavesItsInputAlone) {  // 1.15
  const Numbers p = {0.92, 0.08, 0.02, 0.8};
  const Tensor x = doubles(p, {2, 2}), y = doubles({1, 0, 0, 1}, {2, 2});
  const uint32_t version = x.version();
  EXPECT_LE(apart(values("categorical_cross_entropy", {x, y}), {-std::log(0.92), -std::log(0.8 / 0.82)}), 1e-15);
  EXPECT_LE(apart(values("categorical_cross_entropy", {x, y}, {{"normalize", 0.0}}), {-std::log(0.92), -std::log(0.8)}),
            1e-15);
  EXPECT_EQ(x.to_vector(), p);
  EXPECT_EQ(x.version(), version);
}

TEST(Coverage, TheFirstOfTheTopIsTheLargest) {  // 1.16
  const Tensor x = doubles(uniform(60, 2), {12, 5});
  Numbers y(12);
  for (size_t i = 0; i < 12; ++i) y[i] = double(i % 5);
  const Numbers top = call("in_top_k", {x, classes(y)}, {{"k", 1.0}}).to_vector(), best = argmax(x, 1).to_vector();
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(top[i], best[i] == y[i]);
  EXPECT_GT(total(top), 0);
  EXPECT_EQ(call("in_top_k", {x, classes(y)}, {{"k", 5.0}}).to_vector(), Numbers(12, 1.0));
  EXPECT_EQ(call("in_top_k", {doubles({0.1, 0.5, 0.4}, {1, 3}), classes({2})}, {{"k", 2.0}}).item(), 1);
}

// ---- cross-entropy, likelihood, divergence ------------------------------------------------------

TEST(Coverage, CrossEntropyKnowsWeightsIgnoredRowsAndReductions) {  // 2.1, 4.6
  const Numbers x = uniform(12, 11, -2, 2), w = {0.1, 1, 2};
  const Tensor logits = leaf(x, {4, 3}), y = classes({0, 2, -7, 1});
  const Options o = {{"ignore_index", -7.0}};
  const Named weight = {{"weight", doubles(w)}};
  const Numbers wanted = {0.1 * row_nll(x, 0, 3, 0), 2 * row_nll(x, 1, 3, 2), 0, row_nll(x, 3, 3, 1)};
  EXPECT_LE(apart(values("cross_entropy", {logits, y}, o, weight), wanted), 1e-14);
  EXPECT_NEAR(call("cross_entropy", {logits, y}, o, weight).item(), total(wanted) / 3.1, 1e-14)
      << "by the sum of the weights of the labels";
  EXPECT_NEAR(call("cross_entropy", {logits, y}, {{"ignore_index", -7.0}, {"reduction", "sum"}}, weight).item(),
              total(wanted), 1e-14);
  const Numbers g = slopes("cross_entropy", logits, y, o, weight);
  EXPECT_EQ(Numbers(g.begin() + 6, g.begin() + 9), Numbers(3, 0.0));
  const Tensor map = doubles(uniform(24, 12), {2, 3, 2, 2});
  EXPECT_EQ(
      text(call("cross_entropy", {map, classes({0, 1, 2, 0, 1, 2, 0, 1}, {2, 2, 2})}, {{"reduction", "none"}}).shape()),
      "(2,2,2)");
}

TEST(Coverage, TwelveClassesWithALightFirst) {  // 4.6
  const Numbers x = uniform(36, 13, -2, 2);
  Numbers w(12, 1.0);
  w[0] = 0.1;
  const double wanted = (0.1 * row_nll(x, 0, 12, 0) + row_nll(x, 1, 12, 5) + row_nll(x, 2, 12, 11)) / 2.1;
  EXPECT_NEAR(call("cross_entropy", {doubles(x, {3, 12}), classes({0, 5, 11})}, {}, {{"weight", doubles(w)}}).item(),
              wanted, 1e-14);
}

TEST(Coverage, TargetsAreIndicesOrDistributionsOfTheInputsShape) {  // 2.2, 4.9
  const Tensor x = doubles(uniform(24, 14), {2, 3, 4});
  const Numbers y = {0, 1, 2, 0, 1, 2, 0, 1};
  Numbers hot(24);
  for (size_t n = 0; n < 2; ++n)
    for (size_t d = 0; d < 4; ++d) hot[n * 12 + size_t(y[n * 4 + d]) * 4 + d] = 1;
  EXPECT_NEAR(call("cross_entropy", {x, classes(y, {2, 4})}).item(),
              call("cross_entropy", {x, doubles(hot, {2, 3, 4})}).item(), 1e-15);
  const std::string indices = error_of<ShapeError>([&] { call("cross_entropy", {x, classes({0, 1}, {2})}); });
  EXPECT_EQ(indices, "cross_entropy: target has shape (2) but input has shape (2,3,4), wanted (2,4)");
  const std::string probabilities = error_of<ShapeError>([&] { call("cross_entropy", {x, doubles(hot, {2, 12})}); });
  EXPECT_EQ(
      probabilities,
      "cross_entropy: target has shape (2,12) but input has shape (2,3,4), wanted (2,3,4); reshape it to (2,3,4)");
}

TEST(Coverage, CrossEntropyDifferentiatesItsSoftTargetToo) {  // 2.3
  const Tensor x = leaf(uniform(6, 15), {2, 3}), t = leaf(distributions(2, 3, 16), {2, 3});
  const Report report = gradcheck([](const std::vector<Tensor>& in) { return call("cross_entropy", in); }, {x, t},
                                  {.second_order = true, .reach = within_unit(t, 1)});
  EXPECT_TRUE(report.ok) << to_string(report);
  EXPECT_GE(report.inputs.at(1).points, 6);
}

TEST(Coverage, CrossEntropyIsSoftmaxLogAndLikelihood) {  // 2.5
  const Tensor x = leaf(uniform(40, 17, -30, 30), {8, 5}), y = classes({0, 1, 2, 3, 4, 0, 1, 2});
  const Tensor fused = call("cross_entropy", {x, y}), stable = call("nll_loss", {log_softmax(x, 1), y}),
               chain = call("nll_loss", {log(softmax(x, 1)), y});
  EXPECT_NEAR(fused.item(), stable.item(), 1e-12);
  EXPECT_NEAR(fused.item(), chain.item(), 1e-12);
  EXPECT_LE(apart(gradient(fused, x), gradient(stable, x)), 1e-12);
  EXPECT_LE(apart(gradient(fused, x), gradient(chain, x)), 1e-12);
  const Tensor huge = leaf({1e4, -1e4, 0, -1e4, 1e4, 0}, {2, 3}), wrong = classes({1, 0});
  EXPECT_EQ(call("cross_entropy", {huge, wrong}).item(), 2e4);
  EXPECT_EQ(slopes("cross_entropy", huge, wrong), Numbers({1, -1, 0, -1, 1, 0}));
  EXPECT_EQ(call("nll_loss", {log(softmax(huge, 1)), wrong}).item(), INFINITY) << "the chain does not";
}

TEST(Coverage, KlIsZeroOnlyWhereBothAreEqual) {  // 2.6
  const Tensor p = doubles(distributions(50, 6, 18), {50, 6}), q = doubles(distributions(50, 6, 19), {50, 6});
  EXPECT_NEAR(call("kl_div", {log(p), p}).item(), 0, 1e-15);
  const Numbers each = sum(call("kl_div", {log(q), p}, {{"reduction", "none"}}), {1}).to_vector();
  for (double kl : each) EXPECT_GT(kl, 0);
}

TEST(Coverage, TheTargetOfKlMayBeALogarithm) {  // 2.7
  const Tensor p = doubles(distributions(4, 5, 21), {4, 5}), x = leaf(uniform(20, 22), {4, 5});
  for (const char* reduction : {"mean", "batchmean", "sum"}) {
    const Tensor linear = call("kl_div", {log_softmax(x, 1), p}, {{"reduction", reduction}});
    const Tensor logs = call("kl_div", {log_softmax(x, 1), log(p)}, {{"reduction", reduction}, {"log_target", 1.0}});
    EXPECT_NEAR(linear.item(), logs.item(), 1e-12);
    EXPECT_LE(apart(gradient(linear, x), gradient(logs, x)), 1e-12);
  }
}

TEST(Coverage, LogarithmsOfProbabilitiesUnderflowWhereLogSoftmaxDoesNot) {  // 2.8
  const Tensor x = doubles({1e3, -1e3}, {1, 2}), p = doubles({0.5, 0.5}, {1, 2});
  EXPECT_EQ(log(softmax(x, 1)).at({0, 1}), -INFINITY);
  EXPECT_EQ(log_softmax(x, 1).at({0, 1}), -2000);
  EXPECT_EQ(call("kl_div", {log(softmax(x, 1)), p}).item(), INFINITY);
  EXPECT_NEAR(call("kl_div", {log_softmax(x, 1), p}, {{"reduction", "sum"}}).item(), 1000 - std::log(2.0), 1e-12);
}

TEST(Coverage, TheMeanOfKlDividesByAllElementsAndBatchmeanByTheRows) {  // 2.9, 3.17
  const Numbers p = distributions(3, 7, 23), q = distributions(3, 7, 24);
  double sum = 0;
  for (size_t i = 0; i < 21; ++i) sum += p[i] * std::log(p[i] / q[i]);
  const Tensor a = log(doubles(q, {3, 7})), b = doubles(p, {3, 7});
  EXPECT_NEAR(call("kl_div", {a, b}).item(), sum / 21, 1e-15) << "the default";
  EXPECT_NEAR(call("kl_div", {a, b}, {{"reduction", "mean"}}).item(), sum / 21, 1e-15);
  EXPECT_NEAR(call("kl_div", {a, b}, {{"reduction", "batchmean"}}).item(), sum / 3, 1e-15);
  EXPECT_NEAR(call("kl_div", {a, b}, {{"reduction", "batchmean"}}).item(), 7 * call("kl_div", {a, b}).item(), 1e-15);
}

TEST(Coverage, CrossEntropyPerSampleIsEntropyPlusKl) {  // 2.10, 2.11, 2.12
  const Numbers p = distributions(6, 7, 25);
  const Tensor x = leaf(uniform(42, 26, -3, 3), {6, 7}), t = doubles(p, {6, 7});
  const Numbers ce = values("cross_entropy", {x, t}), h = values("entropy", {t});
  const Numbers kl = sum(call("kl_div", {log_softmax(x, 1), t}, {{"reduction", "none"}}), {-1}).to_vector();
  for (size_t r = 0; r < 6; ++r) {
    double entropy = 0;
    for (size_t c = 0; c < 7; ++c) entropy -= p[7 * r + c] * std::log(p[7 * r + c]);
    EXPECT_NEAR(h[r], entropy, 1e-14);
    EXPECT_NEAR(ce[r], h[r] + kl[r], 1e-12);
  }
  EXPECT_LE(apart(gradient(call("cross_entropy", {x, t}), x),
                  gradient(call("kl_div", {log_softmax(x, 1), t}, {{"reduction", "batchmean"}}), x)),
            1e-12)
      << "they differ by a constant";
  // The numbers printed for two samples: 1.7736 - 0.1108 and 2.5585 - 1.1138 are the entropies 1.6628 and 1.4447.
  EXPECT_NEAR(1.7736 - 0.1108, 1.6628, 1.5e-4);
  EXPECT_NEAR(values("entropy", {doubles({0.25, 0.25, 0.5}, {1, 3})})[0], 1.5 * std::log(2.0), 1e-15);
}

TEST(Coverage, ACertainTargetHasNoEntropy) {  // 2.13
  const Tensor x = doubles(uniform(15, 27, -3, 3), {3, 5}), t = doubles(one_hot_of({4, 0, 2}, 5), {3, 5});
  EXPECT_EQ(values("entropy", {t}), Numbers(3, 0.0));
  EXPECT_LE(apart(values("cross_entropy", {x, t}),
                  sum(call("kl_div", {log_softmax(x, 1), t}, {{"reduction", "none"}}), {1}).to_vector()),
            1e-12);
}

// ---- two classes --------------------------------------------------------------------------------

TEST(Coverage, BinaryCrossEntropyTakesWeightsThatBroadcast) {  // 2.14
  const Numbers p = uniform(6, 28, 0.1, 0.9), y = {1, 0, 1, 0, 1, 0}, w = {0.5, 2, 3};
  Numbers wanted(6);
  for (size_t i = 0; i < 6; ++i) wanted[i] = -w[i % 3] * std::log(y[i] > 0 ? p[i] : 1 - p[i]);
  const Tensor a = doubles(p, {2, 3}), b = doubles(y, {2, 3});
  for (const Tensor& weight : {doubles(w), doubles(w, {1, 3}), doubles({0.5, 2, 3, 0.5, 2, 3}, {2, 3})}) {
    EXPECT_LE(apart(values("binary_cross_entropy", {a, b}, {}, {{"weight", weight}}), wanted), 1e-15);
    EXPECT_NEAR(call("binary_cross_entropy", {a, b}, {}, {{"weight", weight}}).item(), total(wanted) / 6, 1e-15)
        << "divided by the elements, not the weights";
  }
}

TEST(Coverage, BinaryTargetsHaveTheShapeOfTheInputAndAreProbabilities) {  // 2.15
  EXPECT_EQ(error_of<ShapeError>([] { call("binary_cross_entropy", {doubles({0.5, 0.5}, {2, 1}), doubles({0, 1})}); }),
            "binary_cross_entropy: target has shape (2) but input has shape (2,1), wanted (2,1); reshape it to (2,1)");
  EXPECT_EQ(error_of<DomainError>([] { call("binary_cross_entropy", {doubles({0.5, 0.5}), doubles({0, 1.5})}); }),
            "binary_cross_entropy: target is 1.5 at element 1, wanted a value in [0, 1]");
}

TEST(Coverage, LogitsAreSigmoidAndBinaryCrossEntropy) {  // 2.16, 4.2
  // The chain loses 1 - p where p is near 1, which is half an ulp of 1 against 1 - p: below 1e-12 up to logits of 8.
  Numbers x, y;
  for (double v = -20; v < 8; v += 0.37)
    for (double t : {0.0, 0.3, 1.0}) x.push_back(v), y.push_back(t);
  for (double v = 8; v < 20; v += 0.37) x.push_back(v), y.push_back(1);
  const Numbers fused = values("binary_cross_entropy_with_logits", {doubles(x), doubles(y)}),
                chain = values("binary_cross_entropy", {sigmoid(doubles(x)), doubles(y)});
  EXPECT_LE(apart(fused, chain), 1e-12);
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(fused[i], std::max(x[i], 0.0) - x[i] * y[i] + std::log1p(std::exp(-std::abs(x[i]))), 1e-14);
  // Farther on the chain saturates at 100, and its gradient is lost.
  const Tensor huge = leaf({1e4, -1e4}), wrong = doubles({0, 1});
  EXPECT_EQ(values("binary_cross_entropy_with_logits", {huge, wrong}), Numbers({1e4, 1e4}));
  EXPECT_EQ(slopes("binary_cross_entropy_with_logits", huge, wrong), Numbers({1, -1}));
  EXPECT_EQ(values("binary_cross_entropy", {sigmoid(huge), wrong}), Numbers({100, 100}));
  EXPECT_EQ(gradient(call("binary_cross_entropy", {sigmoid(huge), wrong}), huge), Numbers({0, 0}));
}

TEST(Coverage, BinaryCrossEntropyIsTheLikelihoodOfTwoColumns) {  // 2.17
  const Tensor x = leaf(uniform(8, 29, -4, 4)), y = classes({0, 1, 1, 0, 1, 0, 0, 1});
  const Tensor p = unsqueeze(sigmoid(x), 1);
  const Tensor columns = call("nll_loss", {log(concat({1 - p, p}, 1)), y}),
               fused = call("binary_cross_entropy_with_logits", {x, to(y, Dtype::float64)});
  const Tensor plain = call("binary_cross_entropy", {sigmoid(x), to(y, Dtype::float64)});
  EXPECT_NEAR(columns.item(), fused.item(), 1e-12);
  EXPECT_NEAR(columns.item(), plain.item(), 1e-12);
  EXPECT_LE(apart(gradient(columns, x), gradient(fused, x)), 1e-12);
  EXPECT_LE(apart(gradient(plain, x), gradient(fused, x)), 1e-12);
}

TEST(Coverage, EveryReductionHasItsRank) {  // 2.21, 3.7
  const Tensor x = doubles(uniform(6, 31, 0.1, 0.9), {2, 3}), y = doubles(uniform(6, 32, 0.1, 0.9), {2, 3}),
               k = classes({0, 2});
  struct One {
    const char* name;
    const Tensor& target;
    const char* none;
  };
  for (const One& o : {One{"mse_loss", y, "(2,3)"}, One{"l1_loss", y, "(2,3)"}, One{"binary_cross_entropy", y, "(2,3)"},
                       One{"binary_cross_entropy_with_logits", y, "(2,3)"}, One{"kl_div", y, "(2,3)"},
                       One{"cross_entropy", k, "(2)"}, One{"nll_loss", k, "(2)"}, One{"cross_entropy", y, "(2)"}}) {
    EXPECT_EQ(text(call(o.name, {x, o.target}, {{"reduction", "none"}}).shape()), o.none) << o.name;
    for (const char* reduction : {"mean", "sum"})
      EXPECT_EQ(call(o.name, {x, o.target}, {{"reduction", reduction}}).rank(), 0) << o.name;
  }
}

// The numbers of these two were computed with mpmath from the logits as printed.
TEST(Coverage, BinaryCrossEntropyOfASigmoidByHand) {  // 3.8, 3.9, 3.18
  const Tensor x = leaf({0.8589, 1.0864, -1.0978}), y = doubles({0, 0, 1});
  const Tensor loss = call("binary_cross_entropy", {sigmoid(x), y});
  EXPECT_NEAR(loss.item(), 1.325, 1e-4);
  EXPECT_NEAR(loss.item(), 1.3249809251920759, 1e-12);
  loss.backward();
  EXPECT_LE(apart(x.grad().to_vector(), {0.2341, 0.2492, -0.2499}), 1e-4);
  EXPECT_LE(apart(x.grad().to_vector(), {0.23414359386601144, 0.24923440405362565, -0.24994922164936548}), 1e-12);
  const Numbers p = sigmoid(x.detach()).to_vector();
  EXPECT_NEAR(-(std::log(1 - p[0]) + std::log(1 - p[1]) + std::log(p[2])) / 3, loss.item(), 1e-12);
  EXPECT_NEAR(call("binary_cross_entropy_with_logits", {x, y}).item(), loss.item(), 1e-12);
  // With input and target exchanged, logits are no probabilities; where they are, the number is another one.
  EXPECT_EQ(error_of<DomainError>([&] { call("binary_cross_entropy_with_logits", {y, x}); }),
            "binary_cross_entropy_with_logits: target is 1.0864 at element 1, wanted a value in [0, 1]");
  EXPECT_GT(std::abs(call("binary_cross_entropy_with_logits", {y, sigmoid(x.detach())}).item() - loss.item()), 0.1);
}

TEST(Coverage, LikelihoodOfLogSoftmaxByHand) {  // 3.10, 3.11, 3.16
  const Numbers z = {-1.8861, 2.8642, 2.1634,  1.557,  1.1928, -0.2726, -0.3854, 0.7054,
                     -1.1143, 0.3424, -0.0046, 1.3266, 1.6912, -0.3976, -0.9664};
  const Tensor x = leaf(z, {3, 5}), y = classes({1, 0, 4});
  const Tensor loss = call("nll_loss", {log_softmax(x, 1), y});
  EXPECT_NEAR(loss.item(), 1.9941, 1.6e-4);
  EXPECT_NEAR(loss.item(), 1.9941700278463521, 1e-12);
  const Numbers g = gradient(loss, x);
  EXPECT_LE(apart(g, {0.0014683899719529537, -0.1635596045386695, 0.08423971994943873, 0.04593680021230221,
                      0.031914694404975644, -0.284551149822768, 0.04357855424369775, 0.12971829714574193,
                      0.021024010762145873, 0.09023028767118246, 0.029514662973883544, 0.11173021712068064,
                      0.1608845761929344, 0.01992324598268742, -0.32205270227018595}),
            1e-12);
  for (size_t r = 0; r < 3; ++r)
    EXPECT_NEAR(total(Numbers(g.begin() + int64_t(5 * r), g.begin() + int64_t(5 * r + 5))), 0, 1e-15);
  EXPECT_NEAR(call("cross_entropy", {x, y}).item(), loss.item(), 1e-12);
  EXPECT_LE(apart(gradient(call("cross_entropy", {x, y}), x), g), 1e-12);
  const Tensor picked = leaf(log_softmax(x.detach(), 1).to_vector(), {3, 5});
  const Tensor by_index = -mean(gather(picked, 1, unsqueeze(y, 1))), op = call("nll_loss", {picked, y});
  EXPECT_NEAR(by_index.item(), op.item(), 1e-15);
  EXPECT_EQ(gradient(by_index, picked), times(one_hot_of({1, 0, 4}, 5), -1 / 3.));
  EXPECT_EQ(gradient(op, picked), times(one_hot_of({1, 0, 4}, 5), -1 / 3.));
}

TEST(Coverage, LikelihoodOfAMapIsThatOfItsPixels) {  // 3.12, 3.15
  const Tensor images = doubles(uniform(5 * 16 * 100, 33), {5, 16, 10, 10}),
               filters = leaf(uniform(4 * 16 * 9, 34, -0.1, 0.1), {4, 16, 3, 3});
  Numbers y(5 * 64);
  for (size_t i = 0; i < y.size(); ++i) y[i] = double(i * 7 % 4);
  const Tensor map = conv2d(images, filters);
  ASSERT_EQ(text(map.shape()), "(5,4,8,8)");
  const Tensor of_map = call("nll_loss", {map, classes(y, {5, 8, 8})}),
               of_pixels = call("nll_loss", {reshape(permute(map, {0, 2, 3, 1}), {320, 4}), classes(y)});
  EXPECT_NEAR(of_map.item(), of_pixels.item(), 1e-12);
  EXPECT_LE(apart(gradient(of_map, filters), gradient(of_pixels, filters)), 1e-12);
  // Without log_softmax the number is no likelihood, but still minus the mean of what stands at the labels.
  double sum = 0;
  for (int64_t n = 0; n < 5; ++n)
    for (int64_t i = 0; i < 64; ++i) sum += map.at({n, int64_t(y[size_t(n * 64 + i)]), i / 8, i % 8});
  EXPECT_NEAR(of_map.item(), -sum / 320, 1e-14);
}

TEST(Coverage, WhatIsNoLogProbabilityIsFoundWhenAsked) {  // 3.15
  const Options asked = {{"check", 1e-4}};
  const Tensor weight = leaf({2, 0.5, 1}), x = leaf(uniform(12, 8, -5, 5), {4, 3});
  const Tensor sure = log_softmax(x, 1).detach().requires_grad(true);
  const Tensor y = classes({2, 0, -100, 1});
  for (const char* reduction : {"none", "sum", "mean"}) {
    Options plain = {{"reduction", reduction}}, checked = asked;
    checked.push_back(plain[0]);
    const Tensor a = call("nll_loss", {sure, y}, checked, {{"weight", weight}}),
                 b = call("nll_loss", {sure, y}, plain, {{"weight", weight}});
    EXPECT_LE(apart(a.to_vector(), b.to_vector()), 1e-15) << reduction;
    EXPECT_LE(apart(gradient(a, sure), gradient(b, sure)), 1e-15) << reduction;
    EXPECT_LE(apart(gradient(a, weight), gradient(b, weight)), 1e-15) << reduction;
  }
  const Tensor single = log_softmax(tensor(x.to_vector(), {4, 3}, Dtype::float32), 1);
  EXPECT_NO_THROW(call("nll_loss", {single, y}, asked));
  EXPECT_NO_THROW(call("nll_loss", {doubles({-INFINITY, 0}, {1, 2}), classes({1})}, asked));
  EXPECT_EQ(
      error_of<DomainError>([&] { call("nll_loss", {doubles({-1, -2, 0.5, -3}, {2, 2}), classes({0, 1})}, asked); }),
      "nll_loss: input is -1 at (0,0), wanted a row of log-probabilities, which as probabilities add up to 1; apply "
      "log_softmax first");
  EXPECT_EQ(
      error_of<DomainError>([&] { call("nll_loss", {doubles({0.5, -3}, {1, 2}), classes({1})}, asked); }),
      "nll_loss: input is 0.5 at (0,0), wanted a row of log-probabilities, which as probabilities add up to 1; apply "
      "log_softmax first");
}

TEST(Coverage, AConvolutionFitsTheKernelAsOftenAsTheStepAllows) {  // 3.13
  struct Size {
    int64_t h, k, s, p, out;
  };
  for (const Size& z : {Size{10, 3, 1, 0, 8},
                        {10, 3, 2, 0, 4},
                        {10, 3, 1, 1, 10},
                        {10, 3, 2, 1, 5},
                        {7, 7, 1, 0, 1},
                        {7, 2, 3, 0, 2},
                        {224, 7, 2, 3, 112},
                        {5, 1, 4, 0, 2}}) {
    const Tensor out =
        conv2d(zeros({1, 1, z.h, z.h}), zeros({1, 1, z.k, z.k}), Tensor(), {.stride = z.s, .padding = z.p});
    EXPECT_EQ(out.size(2), z.out) << z.h << " " << z.k << " " << z.s << " " << z.p;
    EXPECT_EQ(out.size(2), (z.h + 2 * z.p - z.k) / z.s + 1);
  }
}

TEST(Coverage, LikelihoodHasItsGradientThroughAConvolution) {  // 3.12
  const Tensor y = classes({0, 1, 2, 0, 1, 2, 0, 1}, {2, 2, 2});
  expect_gradients(
      [&](const std::vector<Tensor>& in) { return call("nll_loss", {log_softmax(conv2d(in[0], in[1]), 1), y}); },
      {leaf(uniform(64, 35), {2, 2, 4, 4}), leaf(uniform(54, 36), {3, 2, 3, 3})}, false);
}

TEST(Coverage, ShapesDoNotMatterToAMeanOverElements) {  // 4.1
  const Tensor x = leaf(uniform(24, 37, -3, 3), {2, 3, 4}), y = doubles(uniform(24, 38, 0, 1), {2, 3, 4});
  const Tensor nd = call("binary_cross_entropy_with_logits", {x, y}),
               flat = call("binary_cross_entropy_with_logits", {reshape(x, {-1}), reshape(y, {-1})});
  EXPECT_EQ(nd.item(), flat.item());
  EXPECT_EQ(gradient(nd, x), gradient(flat, x));
}

TEST(Coverage, PosWeightScalesThePositiveSideExactly) {  // 4.3
  const Tensor x = leaf(uniform(8, 39, -3, 3)), y = doubles({1, 1, 1, 1, 0, 0, 0, 0});
  const Numbers plain = slopes("binary_cross_entropy_with_logits", x, y),
                doubled = slopes("binary_cross_entropy_with_logits", x, y, {}, {{"pos_weight", doubles({2})}});
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(doubled[i], i < 4 ? 2 * plain[i] : plain[i]);
  const Numbers weighed =
      slopes("binary_cross_entropy_with_logits", x, y, {}, {{"weight", doubles({1, 2, 4, 8, 1, 2, 4, 8})}});
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(weighed[i], plain[i] * double(1 << (i % 4)));
}

TEST(Coverage, TheGradientAtALogitIsProbabilityLessTarget) {  // 4.4, 4.5
  const Numbers z = uniform(3, 41, -2, 2), t = {0, 1, 0.3};
  const Tensor x = leaf(z);
  call("binary_cross_entropy_with_logits", {x, doubles(t)}).backward();
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(x.grad().to_vector()[i], (sigmoid_of(z[i]) - t[i]) / 3, 1e-12);
  const Tensor many = full({10, 64}, 1.5, Dtype::float64);
  EXPECT_NEAR(call("binary_cross_entropy_with_logits", {many, ones({10, 64}, Dtype::float64)}).item(), 0.2014, 5e-5);
  EXPECT_NEAR(call("binary_cross_entropy_with_logits", {many, ones({10, 64}, Dtype::float64)}).item(),
              std::log1p(std::exp(-1.5)), 1e-15);
}

TEST(Coverage, LabelsInThePlaceOfLogitsAreRefused) {  // 4.8
  const Tensor x = doubles(uniform(6, 42), {2, 3});
  EXPECT_EQ(error_of<DtypeError>([&] { call("cross_entropy", {classes({0, 1}), x}); }),
            "cross_entropy: input is int64, wanted float32 or float64; convert it with to()");
}

TEST(Coverage, LogOfAProbabilityPlusEpsIsFiniteAtZero) {  // 4.10
  const Tensor p = leaf({0.2, 0.8, 0, 1}, {2, 2}), y = classes({1, 0});
  const Tensor loss = call("nll_from_probs", {p, y});
  EXPECT_NEAR(loss.item(), -(std::log(0.8 + 1e-8) + std::log(1e-8)) / 2, 1e-14);
  EXPECT_NEAR(values("nll_from_probs", {p, y})[1], 18.42, 5e-3);
  const Numbers g = gradient(loss, p);
  EXPECT_NEAR(g[2], -1e8 / 2, 1e-6);
  EXPECT_NEAR(g[1], -0.5 / (0.8 + 1e-8), 1e-14);
  EXPECT_EQ(g[0], 0);
  const Tensor chain = call("nll_loss", {log(p + 1e-8), y});
  EXPECT_NEAR(chain.item(), loss.item(), 1e-14);
}

// ---- sparse softmax, hinges ---------------------------------------------------------------------

TEST(Coverage, SparseSoftmaxHasExactZerosAndTheGradientOfSoftmax) {  // 4.11
  const Numbers z = uniform(32, 43, -3, 3), y = {0, 3, 7, 2};
  const Tensor x = leaf(z, {4, 8}), labels = classes(y);
  const Numbers hot = one_hot_of(y, 8);
  for (const auto& [map, loss] : {std::pair("sparsemax", "sparsemax_loss"), std::pair("entmax15", "entmax15_loss")}) {
    const Numbers p = call(map, {x}).to_vector();
    int zeros = 0;
    Numbers wanted(32);
    for (size_t i = 0; i < 32; ++i) zeros += p[i] == 0, wanted[i] = p[i] - hot[i];
    for (size_t r = 0; r < 4; ++r)
      EXPECT_NEAR(total(Numbers(p.begin() + int64_t(8 * r), p.begin() + int64_t(8 * r + 8))), 1, 1e-14) << map;
    EXPECT_GE(zeros, 4) << map;
    EXPECT_LE(apart(slopes(loss, x, labels), wanted), 1e-12) << loss;
  }
  for (double k : {8.0, 10.0}) {
    EXPECT_LE(
        apart(values("topk_softmax_cross_entropy", {x, labels}, {{"k", k}}), values("cross_entropy", {x, labels})),
        1e-14);
    EXPECT_LE(apart(slopes("topk_softmax_cross_entropy", x, labels, {{"k", k}}), slopes("cross_entropy", x, labels)),
              1e-14);
  }
  EXPECT_LE(apart(call("sparsemax", {doubles({1, 0.6, -2}, {1, 3})}).to_vector(), {0.7, 0.3, 0}), 1e-15)
      << "by hand: both less 0.3";
}

TEST(Coverage, TheHingeIsFlatBeyondTheMargin) {  // 4.12
  const Tensor x = leaf({2, 0.5, -0.3, -2}), t = doubles({1, 1, -1, 1});
  EXPECT_LE(apart(values("hinge_loss", {x, t}), {0, 0.5, 0.7, 3}), 1e-15);
  EXPECT_EQ(slopes("hinge_loss", x, t), Numbers({0, -1, 1, -1}));
}

TEST(Coverage, TheHingeLiesAboveTheZeroOneLoss) {  // 4.13
  Numbers scores;
  for (int i = -300; i <= 300; ++i) scores.push_back(i / 100.0);
  for (double t : {-1.0, 1.0}) {
    const Tensor y = doubles(Numbers(scores.size(), t));
    const Numbers hinge = values("hinge_loss", {doubles(scores), y}),
                  wrong = values("zero_one_loss", {doubles(scores), y});
    for (size_t i = 0; i < scores.size(); ++i) {
      EXPECT_EQ(wrong[i], t * scores[i] <= 0) << scores[i];
      EXPECT_GE(hinge[i], wrong[i]) << scores[i];
    }
  }
  const Tensor x = leaf({1, -1});
  EXPECT_EQ(error_of<StateError>([&] { call("zero_one_loss", {x, doubles({1, 1})}).backward(); }),
            "backward: the output does not depend on a tensor that requires a gradient; call requires_grad(true) on an "
            "input before computing it");
}

TEST(Coverage, TwoHingesOfSeveralClasses) {  // 4.15
  const Numbers x = uniform(15, 44, -2, 2), y = {0, 4, 2};
  Numbers crammer(3), weston(3);
  for (size_t r = 0; r < 3; ++r) {
    double worst = 0, sum = 0;
    for (size_t c = 0; c < 5; ++c)
      if (c != size_t(y[r])) {
        const double v = std::max(0.0, 1 + x[5 * r + c] - x[5 * r + size_t(y[r])]);
        worst = std::max(worst, v), sum += v;
      }
    crammer[r] = worst, weston[r] = sum;
  }
  const std::vector<Tensor> in = {doubles(x, {3, 5}), classes(y)};
  EXPECT_LE(apart(values("multiclass_hinge_loss", in, {{"kind", "crammer_singer"}}), crammer), 1e-15);
  EXPECT_LE(apart(values("multiclass_hinge_loss", in, {{"kind", "weston_watkins"}}), weston), 1e-14);
  EXPECT_LE(apart(values("multi_margin_loss", in), times(weston, 0.2)), 1e-14) << "PyTorch's is divided by the classes";
}

}  // namespace
}  // namespace gradus
