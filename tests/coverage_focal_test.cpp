// Claims about the focal losses, each as a test.
#include <gtest/gtest.h>

#include "calls.h"
#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

const Numbers easy_and_hard = {0.95, 0.05, 0.5, 0.5}, hard_labels = {1, 0, 1, 0};

TEST(Coverage, FocalLossIsMinusAlphaTimesThePowerTimesTheLog) {  // 1.17
  const Numbers p = uniform(8, 3, 0.05, 0.95), y = {1, 0, 1, 0, 0, 1, 1, 0};
  Numbers x(8), wanted(8);
  for (size_t i = 0; i < 8; ++i) {
    x[i] = logit_of(p[i]);
    const double pt = y[i] > 0 ? p[i] : 1 - p[i], at = y[i] > 0 ? 0.3 : 0.7;
    wanted[i] = -at * std::pow(1 - pt, 1.5) * std::log(pt);
  }
  const Options o = {{"alpha", 0.3}, {"gamma", 1.5}};
  EXPECT_LE(apart(values("sigmoid_focal_loss", {doubles(x), doubles(y)}, o), wanted), 1e-14);
  EXPECT_LE(apart(values("focal_loss_probs", {doubles(p), doubles(y)}, o), wanted), 1e-14);
  const Tensor a = leaf(p), soft = leaf(uniform(8, 4, 0.1, 0.9));
  const Report of_p =
      gradcheck([&](const std::vector<Tensor>& in) { return call("focal_loss_probs", {in[0], doubles(y)}, o); }, {a},
                {.second_order = true, .reach = within_unit(a)});
  EXPECT_TRUE(of_p.ok) << to_string(of_p);
  for (const char* variant : {"retinanet", "absdiff", "exp_bce"}) {
    const Report of_x = gradcheck(
        [&](const std::vector<Tensor>& in) {
          return call("sigmoid_focal_loss", in, {{"variant", variant}, {"gamma", 4.0}});
        },
        {leaf(x), soft}, {.second_order = true, .reach = within_unit(soft, 1)});
    EXPECT_TRUE(of_x.ok) << variant << "\n" << to_string(of_x);
  }
}

TEST(Coverage, WithoutFocusFocalLossIsCrossEntropy) {  // 1.18
  const Tensor x = doubles(uniform(8, 5, -4, 4)), y = doubles({1, 0, 1, 0, 0, 1, 1, 0});
  const Numbers plain = values("binary_cross_entropy_with_logits", {x, y});
  for (const char* variant : {"retinanet", "absdiff", "exp_bce"})
    EXPECT_LE(
        apart(values("sigmoid_focal_loss", {x, y}, {{"variant", variant}, {"alpha", "none"}, {"gamma", 0.0}}), plain),
        1e-12)
        << variant;
  EXPECT_LE(apart(values("focal_loss_probs", {sigmoid(x), y}, {{"alpha", "none"}, {"gamma", 0.0}}), plain), 1e-12);
}

TEST(Coverage, AlphaWeighsPositivesAndItsRestNegatives) {  // 1.19
  const Tensor x = doubles(uniform(6, 6, -3, 3));
  for (double label : {0.0, 1.0}) {
    const Tensor y = doubles(Numbers(6, label));
    const Numbers plain = values("sigmoid_focal_loss", {x, y}, {{"alpha", "none"}, {"gamma", 0.0}});
    const double weight = label > 0 ? 0.25 : 0.75;  // exact in binary, so that the products are
    EXPECT_EQ(values("sigmoid_focal_loss", {x, y}, {{"alpha", 0.25}, {"gamma", 0.0}}), times(plain, weight));
  }
}

TEST(Coverage, ALargerGammaLowersTheLossOfEasySamples) {  // 1.20
  const Tensor x = doubles({logit_of(0.9)}), y = doubles({1});
  double before = INFINITY;
  for (double gamma : {0.0, 0.5, 1.0, 2.0, 5.0}) {
    const double loss = call("sigmoid_focal_loss", {x, y}, {{"gamma", gamma}, {"alpha", "none"}}).item();
    EXPECT_NEAR(loss, -std::pow(0.1, gamma) * std::log(0.9), 1e-15);
    EXPECT_LT(loss, before);
    before = loss;
  }
}

TEST(Coverage, EasyNegativesDominateCrossEntropyButNotFocalLoss) {  // 1.21
  Numbers x(10010, logit_of(0.02)), y(10010, 0.0);
  std::fill(x.begin() + 10000, x.end(), 0.0);
  std::fill(y.begin() + 10000, y.end(), 1.0);
  const auto share = [&](const std::string& name, const Options& options) {
    const Tensor logits = leaf(x);
    double negatives = 0, positives = 0;
    const Numbers g = slopes(name, logits, doubles(y), options);
    for (size_t i = 0; i < g.size(); ++i) (y[i] > 0 ? positives : negatives) += std::abs(g[i]);
    return 100 * negatives / (negatives + positives);
  };
  EXPECT_NEAR(share("binary_cross_entropy_with_logits", {}), 97.6, 0.2);
  EXPECT_NEAR(share("sigmoid_focal_loss", {{"gamma", 2.0}, {"alpha", 0.25}}), 19.3, 0.2);
  EXPECT_NEAR(share("sigmoid_focal_loss", {{"gamma", 2.0}, {"alpha", 0.5}}), 7.4, 0.2);
}

TEST(Coverage, FocalWeightsAreTheFactorsAlone) {  // 1.22
  const Tensor p = doubles(easy_and_hard), y = doubles(hard_labels);
  EXPECT_EQ(call("focal_weights", {p, y}, {{"gamma", 0.0}}).to_vector(), Numbers({0.25, 0.75, 0.25, 0.75}));
  EXPECT_LE(apart(call("focal_weights", {p, y}).to_vector(), {0.25 * 0.0025, 0.75 * 0.0025, 0.0625, 0.1875}), 1e-17);
  EXPECT_FALSE(call("focal_weights", {leaf(easy_and_hard), y}).requires_grad()) << "value only";
}

TEST(Coverage, TheStableFocalFormSurvivesHugeLogits) {  // 1.23
  const Tensor x = leaf({1e4, -1e4, 1e4, -1e4, 1e4, -1e4}), y = doubles({1, 0, 0, 1, 0.5, 0.5});
  for (const char* variant : {"retinanet", "absdiff", "exp_bce"}) {
    const Tensor loss = call("sigmoid_focal_loss", {x, y}, {{"variant", variant}, {"reduction", "none"}});
    for (double v : loss.to_vector()) EXPECT_TRUE(std::isfinite(v)) << variant;
    for (double g : gradient(loss, x)) EXPECT_TRUE(std::isfinite(g)) << variant;
    EXPECT_EQ(loss.at({0}), 0) << variant;
    EXPECT_NEAR(loss.at({2}), std::string(variant) == "exp_bce" ? 2500 : 7500, 1e-9) << variant;
  }
}

TEST(Coverage, ASoftLabelThatIsMetCostsNothingToMove) {  // 1.24
  for (double gamma : {1.5, 2.0, 4.0}) {
    const Numbers labels = {0.2, 0.5, 0.9};
    Numbers x;
    for (double y : labels) x.push_back(logit_of(y));
    const Numbers g =
        slopes("sigmoid_focal_loss", leaf(x), doubles(labels), {{"variant", "absdiff"}, {"gamma", gamma}});
    for (double v : g) EXPECT_NEAR(v, 0, 1e-7);  // |p - y| is a rounding error here, and enters to the power gamma - 1
    EXPECT_GT(std::abs(slopes("sigmoid_focal_loss", leaf({1.0}), doubles({0.2}),
                              {{"variant", "absdiff"}, {"gamma", gamma}})[0]),
              0.01);
  }
  EXPECT_EQ(slopes("sigmoid_focal_loss", leaf({0.0}), doubles({0.5}), {{"variant", "absdiff"}})[0], 0)
      << "where both are equal to the last bit";
}

TEST(Coverage, FocalLossOfProbabilitiesIsThatOfLogits) {  // 1.25
  const Tensor x = doubles(uniform(10, 7, -4, 4)), y = doubles({1, 0, 1, 0, 1, 0, 1, 0, 1, 0});
  const Numbers logits = values("sigmoid_focal_loss", {x, y}, {{"variant", "exp_bce"}, {"alpha", 0.25}});
  // exp_bce weighs both classes by alpha.
  EXPECT_LE(apart(logits, times(values("focal_loss_probs", {sigmoid(x), y}, {{"alpha", "none"}}), 0.25)), 1e-12);
  EXPECT_LE(apart(values("sigmoid_focal_loss", {x, y}), values("focal_loss_probs", {sigmoid(x), y})), 1e-12);
  EXPECT_EQ(call("sigmoid_focal_loss", {x, y}, {{"reduction", "none"}}).rank(), 1);
  EXPECT_EQ(call("sigmoid_focal_loss", {x, y}, {{"reduction", "mean"}}).rank(), 0);
}

TEST(Coverage, OldReductionFlagsAreNoneOfOurs) {  // 1.26
  const Tensor x = doubles({1, 2});
  EXPECT_EQ(error_of<ParamError>([&] { call("mse_loss", {x, x}, {{"reduction", "avg"}}); }),
            "mse_loss: reduction is 'avg', wanted one of none, sum, mean, batchmean, mean_active");
  for (const char* flag : {"size_average", "reduce"}) {
    EXPECT_EQ(error_of<ParamError>([&] { call("mse_loss", {x, x}, {{flag, 1.0}}); }),
              std::string("mse_loss: there is no parameter '") + flag +
                  "'; known are input, target, weight, reduction, empty");
  }
}

TEST(Coverage, TwoFormsOfFocalLossAreTwoLosses) {  // 1.28
  const Tensor x = doubles(uniform(12, 8, -5, 5));
  const auto form = [&](const char* variant, double label) {
    return values("sigmoid_focal_loss", {x, doubles(Numbers(12, label))}, {{"variant", variant}});
  };
  EXPECT_LE(apart(form("absdiff", 1), form("exp_bce", 1)), 1e-12);
  EXPECT_LE(apart(form("absdiff", 0), times(form("exp_bce", 0), 3)), 1e-12);
  EXPECT_GT(apart(form("absdiff", 0.5), form("exp_bce", 0.5)), 0.1);
  EXPECT_GT(apart(form("absdiff", 0.5), times(form("exp_bce", 0.5), 3)), 0.1);
}

// Expectations at logit 0 of labels sigmoid(N(0, 1)) by Gauss-Hermite quadrature.
TEST(Coverage, TwoFormsOfFocalLossStartApart) {  // 1.27, its start
  std::mt19937_64 engine(9);
  std::normal_distribution<double> normal;
  Numbers y(400'000);
  for (double& v : y) v = sigmoid_of(normal(engine));
  const Tensor x = zeros({int64_t(y.size())}, Dtype::float64), labels = doubles(y);
  const double first = call("sigmoid_focal_loss", {x, labels}, {{"variant", "absdiff"}}).item();
  const double second = call("sigmoid_focal_loss", {x, labels}, {{"variant", "exp_bce"}}).item();
  EXPECT_NEAR(first, 0.015034028200222958, 5e-4);
  EXPECT_NEAR(second, 0.04332169878499658, 5e-4);
  EXPECT_NEAR(first - second, -0.028287670584773623, 5e-4);
}

TEST(Coverage, IgnoredAnchorsHaveNoGradientAndNoObjectsDivideByOne) {  // 1.33
  const Numbers p = {0.8, 0.1, 0.3, 0.6, 0.9, 0.9};
  const Tensor x = leaf(p, {3, 2});
  const Tensor loss = call("anchor_focal_loss", {x, doubles({1, 0, 1, 0, 0, 0, 0, 1, -1}, {3, 3})});
  const Numbers g = gradient(loss, x);
  EXPECT_EQ(g[4], 0);
  EXPECT_EQ(g[5], 0);
  EXPECT_LT(g[0], 0) << "more of the right class";
  EXPECT_GT(g[1], 0);
  const auto negative = [](double q) { return -0.75 * q * q * std::log(1 - q); };
  const double object = -0.25 * 0.04 * std::log(0.8) + negative(0.1), background = negative(0.3) + negative(0.6);
  EXPECT_NEAR(loss.item(), object + background, 1e-14) << "one object";
  const Tensor nothing = call("anchor_focal_loss", {x, doubles({0, 0, 0, 0, 0, 0, 0, 1, -1}, {3, 3})});
  EXPECT_NEAR(nothing.item(), negative(0.8) + negative(0.1) + background, 1e-14) << "no object: divided by 1";
  const Tensor two = call("anchor_focal_loss", {x, doubles({1, 0, 1, 0, 1, 1, 0, 1, -1}, {3, 3})});
  EXPECT_NEAR(two.item(), (object + negative(0.3) - 0.25 * 0.16 * std::log(0.6)) / 2, 1e-14) << "two objects";
  const Tensor ignored = call("anchor_focal_loss", {x, doubles({1, 0, -1, 0, 1, -1, 0, 1, -1}, {3, 3})});
  EXPECT_EQ(ignored.item(), 0);
  EXPECT_EQ(gradient(ignored, x), Numbers(6, 0.0));
}

}  // namespace
}  // namespace gradus
