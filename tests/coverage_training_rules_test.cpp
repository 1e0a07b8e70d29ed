// What training relies on: the catalogue, the tape, masks, sums of tasks, penalties, clipping, and loud errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "calls.h"
#include "gradient.h"
#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"
#include "gradus/losses/huber_loss.h"
#include "gradus/nn/embedding.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/loss.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/index.h"
#include "gradus/ops/linear.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/rescale.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/clip.h"
#include "gradus/optim/sgd.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using namespace calls;

// ---- the catalogue ------------------------------------------------------------------------------

TEST(Coverage, EveryLossIsInOneCategory) {  // 1.1
  std::map<std::string, std::set<std::string>> by_family;
  for (const LossEntry* loss : losses()) {
    const std::string name = loss->about->name, family = loss->about->family;
    EXPECT_NE(family, "") << name;
    EXPECT_GT(loss->formula(0)->inputs, 0) << name;
    EXPECT_TRUE(by_family[family].insert(name).second) << name << " is there twice";
  }
  for (const char* name : {"mse_loss", "rmse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss"})
    EXPECT_TRUE(by_family["regression"].count(name)) << name;
  for (const char* name :
       {"binary_cross_entropy", "cross_entropy", "categorical_cross_entropy", "sigmoid_focal_loss", "in_top_k"})
    EXPECT_TRUE(by_family["classification"].count(name)) << name;
  // One word for one category: none is another's plural, nor its beginning.
  for (const auto& [family, names] : by_family)
    EXPECT_FALSE(by_family.count(family + "s")) << family << " and " << family << "s";
}

TEST(Coverage, EveryLossOfTorchNnIsThere) {  // 3.20
  std::set<std::string> aliases;
  for (const LossEntry* loss : losses()) {
    std::string all = loss->about->aliases;
    for (size_t at; (at = all.find("; ")) != std::string::npos; all = all.substr(at + 2))
      aliases.insert(all.substr(0, all.find_first_of(" ;")));
    aliases.insert(all.substr(0, all.find(' ')));
  }
  const std::vector<std::string> classes = {"L1Loss",
                                            "MSELoss",
                                            "CrossEntropyLoss",
                                            "CTCLoss",
                                            "NLLLoss",
                                            "PoissonNLLLoss",
                                            "GaussianNLLLoss",
                                            "KLDivLoss",
                                            "BCELoss",
                                            "BCEWithLogitsLoss",
                                            "MarginRankingLoss",
                                            "HingeEmbeddingLoss",
                                            "MultiLabelMarginLoss",
                                            "HuberLoss",
                                            "SmoothL1Loss",
                                            "SoftMarginLoss",
                                            "MultiLabelSoftMarginLoss",
                                            "CosineEmbeddingLoss",
                                            "MultiMarginLoss",
                                            "TripletMarginLoss",
                                            "TripletMarginWithDistanceLoss",
                                            "AdaptiveLogSoftmaxWithLoss"};
  ASSERT_EQ(classes.size(), 22u);
  for (const std::string& name : classes) EXPECT_TRUE(aliases.count("nn." + name)) << name;
}

// ---- the tape -----------------------------------------------------------------------------------

TEST(Coverage, ValuesAreLeavesAndResultsKnowTheirLoss) {  // 3.4
  const Tensor plain = doubles({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4});
  EXPECT_TRUE(plain.is_leaf());
  EXPECT_FALSE(plain.requires_grad());
  EXPECT_STREQ(plain.made_by(), "");
  const Tensor free = call("l1_loss", {plain, plain});
  EXPECT_FALSE(free.requires_grad());
  EXPECT_TRUE(free.is_leaf());
  const Tensor x = leaf({1, 2});
  EXPECT_TRUE(x.is_leaf());
  const Tensor loss = call("l1_loss", {x, doubles({0, 0})});
  EXPECT_FALSE(loss.is_leaf());
  EXPECT_TRUE(loss.requires_grad());
  EXPECT_STREQ(loss.made_by(), "l1_loss");
}

TEST(Coverage, AGraphIsUsedOnceUnlessItIsKept) {  // 3.19
  const Tensor x = leaf({1, 2}), y = doubles({0, 0});
  const Tensor once = call("mse_loss", {x, y});
  once.backward();
  EXPECT_EQ(x.grad().to_vector(), Numbers({1, 2}));
  EXPECT_EQ(error_of<StateError>([&] { once.backward(); }),
            "backward: the graph through 'mse_loss' was already used and freed; pass retain_graph = true to the first "
            "backward");
  const Tensor kept = call("mse_loss", {x, y});
  x.zero_grad();
  kept.backward(Tensor(), true);
  kept.backward();
  EXPECT_EQ(x.grad().to_vector(), Numbers({2, 4})) << "gradients add up";
}

TEST(Coverage, EveryLossIsOneNodeAndFreesWhatItSaved) {  // 5.1
  int checked = 0;
  for (const LossEntry* loss : losses()) {
    if (loss->formula(0)->compose) continue;  // made of tensor ops, each a node of its own
    for (int e = 0; e < loss->example_count; ++e) {
      LossArguments arguments = loss_arguments(*loss, loss->examples[e].call);
      for (auto& [name, t] : arguments.inputs)
        if (t.dtype() == Dtype::float64) t.requires_grad(true);
      const pool::Figures before = pool::figures();
      {
        const Tensor value = evaluate(*loss, arguments);
        const pool::Figures made = pool::figures();
        EXPECT_EQ(made.live_nodes - before.live_nodes, value.requires_grad() ? 1 : 0)
            << loss->about->name << " " << loss->examples[e].call;
        if (!value.requires_grad()) continue;
        std::vector<Tensor> inputs;
        for (auto& [name, t] : arguments.inputs)
          if (t.requires_grad()) inputs.push_back(t);
        grad({value}, inputs, {ones_like(value)});
        EXPECT_LE(pool::figures().live_bytes, made.live_bytes) << loss->about->name;
        ++checked;
      }
      EXPECT_EQ(pool::figures().live_nodes, before.live_nodes) << loss->about->name;
      EXPECT_EQ(pool::figures().live_bytes, before.live_bytes) << loss->about->name;
    }
  }
  EXPECT_GT(checked, 200);
}

TEST(Coverage, SharedWeightsAddTheGradientsOfEveryUse) {  // 0.24
  const Tensor w = leaf(uniform(12, 1), {4, 3});
  const Tensor in[] = {doubles(uniform(20, 2), {5, 4}), doubles(uniform(20, 3), {5, 4}),
                       doubles(uniform(20, 4), {5, 4})};
  const auto embedded = [&](int k, bool trains) { return matmul(in[k], trains ? w : w.detach()); };
  const auto loss = [&](int only) {
    return call(
        "triplet_loss",
        {embedded(0, only < 0 || only == 0), embedded(1, only < 0 || only == 1), embedded(2, only < 0 || only == 2)},
        {{"margin", 3.0}});
  };
  const Numbers together = gradient(loss(-1), w);
  Numbers sum(12);
  for (int k = 0; k < 3; ++k) {
    const Numbers part = gradient(loss(k), w);
    for (size_t i = 0; i < 12; ++i) sum[i] += part[i];
  }
  EXPECT_LE(apart(together, sum), 1e-12);
  EXPECT_GT(std::abs(together[0]), 1e-3);
}

// ---- extreme and missing inputs -----------------------------------------------------------------

TEST(Coverage, HugeInputsGiveFiniteLossesAndGradients) {  // 5.3
  const Numbers huge = {1e4, -1e4, 3e4, -3e4, 0, 1e4};
  const Tensor zero_one = doubles({0, 1, 1, 0, 1, 0}, {2, 3}), signs = doubles({-1, 1, 1, -1, 1, -1}, {2, 3}),
               k = classes({1, 0});
  const std::vector<std::pair<std::string, Tensor>> calls = {{"mse_loss", zero_one},
                                                             {"rmse_loss", zero_one},
                                                             {"l1_loss", zero_one},
                                                             {"huber_loss", zero_one},
                                                             {"smooth_l1_loss", zero_one},
                                                             {"log_cosh_loss", zero_one},
                                                             {"binary_cross_entropy_with_logits", zero_one},
                                                             {"sigmoid_focal_loss", zero_one},
                                                             {"multilabel_soft_margin_loss", zero_one},
                                                             {"hinge_loss", signs},
                                                             {"squared_hinge_loss", signs},
                                                             {"soft_margin_loss", signs},
                                                             {"cross_entropy", k},
                                                             {"softmax_focal_loss", k},
                                                             {"multi_margin_loss", k},
                                                             {"multiclass_hinge_loss", k},
                                                             {"sparsemax_loss", k},
                                                             {"entmax15_loss", k},
                                                             {"topk_softmax_cross_entropy", k},
                                                             {"distillation_kd_loss", zero_one},
                                                             {"kl_div_with_logits", softmax(zero_one, 1)},
                                                             {"frobenius_norm_loss", zero_one},
                                                             {"vector_norm_loss", zero_one},
                                                             {"info_nce_loss", zero_one},
                                                             {"n_pair_loss", zero_one},
                                                             {"pairwise_distance", zero_one}};
  for (Dtype dtype : {Dtype::float64, Dtype::float32})
    for (double scale : {1.0, dtype == Dtype::float64 ? 1e-300 : 1e-36, dtype == Dtype::float64 ? 1e130 : 1e12})
      for (const auto& [name, target] : calls) {
        const std::string what = name + " of " + std::to_string(scale) + " in " + name_of(dtype);
        const Tensor x = tensor(times(huge, scale), {2, 3}, dtype).requires_grad(true);
        const Tensor loss = call(name, {x, computes(target.dtype()) ? to(target, dtype) : target});
        for (double v : loss.to_vector()) EXPECT_TRUE(std::isfinite(v)) << what;
        for (double g : gradient(loss, x)) EXPECT_TRUE(std::isfinite(g)) << what;
      }
}

TEST(Coverage, TheMeanOfNothingIsZeroWithoutGradient) {  // 5.4
  const Tensor empty = doubles({}, {0, 3}), none = classes({});
  for (const char* name : {"mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss",
                           "binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_focal_loss", "kl_div",
                           "hinge_loss", "soft_margin_loss", "rmse_loss", "frobenius_norm_loss", "vector_norm_loss"}) {
    const Tensor x = leaf({}, {0, 3});
    const Tensor loss = call(name, {x, empty});
    EXPECT_EQ(loss.item(), 0) << name;
    EXPECT_EQ(gradient(loss, x).size(), 0u) << name;
    EXPECT_TRUE(std::isnan(call(name, {x, empty}, {{"empty", "nan"}}).item())) << name << ": NaN only by request";
  }
  for (const char* name : {"cross_entropy", "nll_loss", "softmax_focal_loss", "sparsemax_loss", "entmax15_loss"}) {
    EXPECT_EQ(call(name, {empty, none}).item(), 0) << name;
    const Tensor x = leaf({1, 2, 3}, {1, 3});
    const Tensor ignored = call(name, {x, classes({-100})});
    EXPECT_EQ(ignored.item(), 0) << name;
    EXPECT_EQ(gradient(ignored, x), Numbers(3, 0.0)) << name;
  }
}

TEST(Coverage, AVarianceBelowItsFloorHasNoGradient) {  // 5.4
  const Tensor x = doubles({1, 1}), t = doubles({0, 0}), var = leaf({1e-9, 4});
  const Tensor loss = call("gaussian_nll_loss", {x, t, var}, {{"reduction", "none"}});
  EXPECT_LE(apart(loss.to_vector(), {(std::log(1e-6) + 1e6) / 2, (std::log(4.0) + 0.25) / 2}), 1e-9);
  EXPECT_EQ(gradient(loss, var)[0], 0) << "PyTorch lets it through";
  EXPECT_NEAR(gradient(loss, var)[1], (0.25 - 1 / 16.) / 2, 1e-15);
}

// ---- several tasks, masks, schedules ------------------------------------------------------------

TEST(Coverage, TasksAddTheirGradientsInTheSharedTrunk) {  // 4.26
  const Tensor trunk = leaf(uniform(6, 5), {2, 3}), x = doubles(uniform(8, 6), {4, 2});
  const Tensor h = tanh(matmul(x, trunk));
  const Tensor first = call("mse_loss", {h, doubles(uniform(12, 7), {4, 3})}),
               second = call("cross_entropy", {h, classes({0, 2, 1, 0})});
  const Tensor both = stack({first, second});
  const Numbers g1 = gradient(first, trunk), g2 = gradient(second, trunk);
  Numbers wanted(6), trusted(6);
  const double s1 = 0.4, s2 = -0.7;
  for (size_t i = 0; i < 6; ++i)
    wanted[i] = 0.3 * g1[i] + 1.7 * g2[i], trusted[i] = (std::exp(-s1) * g1[i] + std::exp(-s2) * g2[i]) / 2;
  const Tensor sum = call("weighted_sum", {both, doubles({0.3, 1.7})});
  EXPECT_NEAR(sum.item(), 0.3 * first.item() + 1.7 * second.item(), 1e-15);
  EXPECT_LE(apart(gradient(sum, trunk), wanted), 1e-12);
  const Tensor log_vars = leaf({s1, s2});
  const Tensor learned = call("uncertainty_weighted_sum", {both, log_vars});
  EXPECT_NEAR(learned.item(), (std::exp(-s1) * first.item() + s1 + std::exp(-s2) * second.item() + s2) / 2, 1e-14);
  EXPECT_LE(apart(gradient(learned, trunk), trusted), 1e-12);
  EXPECT_NEAR(gradient(learned, log_vars)[0], (1 - std::exp(-s1) * first.item()) / 2, 1e-14);
}

TEST(Coverage, ALossThatChangesWithTheEpochKeepsNoHistory) {  // 4.27
  const Numbers z = {0.5, -1, 2}, y = {0.1, 0.2, 0.7};
  double sum = 0;
  for (double v : z) sum += std::exp(v);
  const int64_t nodes = pool::figures().live_nodes;
  for (double epoch : {0.0, 10.0, 100.0}) {
    const double power = std::log(1 + epoch / 100);
    double wanted = 0;
    for (size_t k = 0; k < 3; ++k)
      wanted -= y[k] * std::pow(std::exp(z[k]) / sum, power) * std::log(std::exp(z[k]) / sum);
    const Tensor x = leaf(z, {1, 3});
    const Tensor loss = call("pta_loss", {x, doubles(y, {1, 3})}, {{"epoch", epoch}});
    EXPECT_NEAR(loss.item(), wanted, 1e-14) << "epoch " << epoch;
    loss.backward();
    EXPECT_LE(pool::figures().live_nodes, nodes + 2) << "the leaf and the loss of this epoch alone";
  }
  EXPECT_EQ(pool::figures().live_nodes, nodes);
}

TEST(Coverage, MaskedEntriesCountNothing) {  // 4.28
  const Numbers v = uniform(6, 8), t = uniform(6, 9), mask = {1, 0, 1, 1, 0, 0};
  const auto masked = [&](const Tensor& x, const Tensor& m) {
    return call("masked_reduce", {call("mse_loss", {x, doubles(t, {2, 3})}, {{"reduction", "none"}}), m});
  };
  const Tensor x = leaf(v, {2, 3});
  const Tensor loss = masked(x, doubles(mask, {2, 3}));
  EXPECT_NEAR(loss.item(), call("mse_loss", {doubles({v[0], v[2], v[3]}), doubles({t[0], t[2], t[3]})}).item(), 1e-15);
  const Numbers g = gradient(loss, x);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(g[i] == 0, mask[i] == 0) << i;
  const Tensor broken = leaf({v[0], NAN, v[2], v[3], INFINITY, 1e200}, {2, 3});
  EXPECT_EQ(masked(broken, doubles(mask, {2, 3})).item(), loss.item()) << "whatever lies under the mask";
  const Tensor nothing = masked(x, zeros({2, 3}, Dtype::float64));
  EXPECT_EQ(nothing.item(), 0);
  EXPECT_EQ(gradient(nothing, x), Numbers(6, 0.0));
}

TEST(Coverage, PaddedTokensDoNotInfluenceASequence) {  // 4.29
  // Two sequences of up to three tokens over four words; the second has one.
  Numbers logits = uniform(24, 10, -2, 2);
  const Tensor mask = doubles({1, 1, 1, 1, 0, 0}, {2, 3});
  const auto by_mask = [&](const Numbers& z, const Numbers& tokens) {
    const Tensor each = call("cross_entropy", {doubles(z, {6, 4}), classes(tokens)}, {{"reduction", "none"}});
    return call("masked_reduce", {reshape(each, {2, 3}), mask}).item();
  };
  const double first = by_mask(logits, {0, 3, 2, 1, 0, 0});
  EXPECT_EQ(by_mask(logits, {0, 3, 2, 1, 3, 2}), first) << "another padding token";
  const double ignored = call("cross_entropy", {doubles(logits, {6, 4}), classes({0, 3, 2, 1, -100, -100})}).item();
  EXPECT_NEAR(ignored, first, 1e-15);
  for (size_t i = 16; i < 24; ++i) logits[i] *= 100;
  EXPECT_EQ(by_mask(logits, {0, 3, 2, 1, 0, 0}), first) << "other logits there";
}

// ---- weight decay, clipping ---------------------------------------------------------------------

TEST(Coverage, FeaturesAreBroughtToOneScale) {  // 4.25
  const Numbers wild = uniform(40, 25, -3e3, 1e4);
  Numbers columns;
  for (double x : wild) columns.insert(columns.end(), {x, 1e6 + 1e-3 * x, 0.1});
  const Tensor x = leaf(columns, {40, 3}), z = standardize(x), unit = minmax(x);
  for (int64_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0, low = 1e9, high = -1e9;
    for (int64_t r = 0; r < 40; ++r) {
      sum += z.at({r, c});
      squares += z.at({r, c}) * z.at({r, c});
      low = std::min(low, unit.at({r, c}));
      high = std::max(high, unit.at({r, c}));
    }
    EXPECT_NEAR(sum / 40, 0, 1e-12);
    EXPECT_NEAR(std::sqrt(squares / 40), c < 2 ? 1 : 0, 1e-12);  // the last column is constant
    EXPECT_EQ(low, 0);
    EXPECT_EQ(high, c < 2 ? 1 : 0);
  }
  const Tensor rows = standardize(doubles({1, 3, 5, 5}, {2, 2}), {1});
  EXPECT_EQ(rows.to_vector(), (Numbers{-1, 1, 0, 0}));
  for (auto* op : {+[](const Tensor& t) { return standardize(t); }, +[](const Tensor& t) { return minmax(t); }}) {
    const Report r = gradcheck([&](const std::vector<Tensor>& in) { return op(in[0]); }, {leaf(uniform(12, 4), {6, 2})},
                               {.second_order = true});
    EXPECT_TRUE(r.ok) << to_string(r);
    const Tensor same = leaf({0.1, 0.1, 0.1});
    EXPECT_EQ(gradient(op(same), same), (Numbers{0, 0, 0}));
  }
}

TEST(Coverage, WeightDecayIsHalfTheSquaredPenalty) {  // 4.23
  const Numbers start = uniform(5, 11), target = uniform(5, 12);
  Tensor decayed = leaf(start), penalised = leaf(start);
  SGD with({{"w", decayed}}, {.lr = 0.1, .weight_decay = 0.3}), without({{"w", penalised}}, {.lr = 0.1});
  for (int step = 0; step < 20; ++step) {
    with.zero_grad(), without.zero_grad();
    call("mse_loss", {decayed, doubles(target)}).backward();
    (call("mse_loss", {penalised, doubles(target)}) + call("l2_penalty", {penalised}, {{"l2", 0.3}})).backward();
    with.step(), without.step();
  }
  EXPECT_LE(apart(decayed.to_vector(), penalised.to_vector()), 1e-12);
  EXPECT_GT(apart(decayed.to_vector(), start), 0.01);
}

TEST(Coverage, ClippingScalesTheWholeGradientToTheNorm) {  // 4.32
  const Tensor a = leaf({0, 0}), b = leaf({0});
  const auto set = [&] { a.set_grad(doubles({3, 4})), b.set_grad(doubles({12})); };
  set();
  EXPECT_EQ(clip_grad_norm({{"a", a}, {"b", b}}, 1), 13);
  EXPECT_LE(apart(a.grad().to_vector(), {3 / 13.000001, 4 / 13.000001}), 1e-15);
  EXPECT_NEAR(b.grad().item(), 12 / 13.000001, 1e-15);
  for (double norm : {0.1, 1.0, 5.0, 13.0, 20.0}) {
    set();
    clip_grad_norm({{"a", a}, {"b", b}}, norm);
    const Numbers g = a.grad().to_vector();
    EXPECT_LE(std::hypot(g[0], g[1], b.grad().item()), norm);
    EXPECT_EQ(g == Numbers({3, 4}), norm > 13.1) << "only shorter gradients are left alone";
  }
  set();
  clip_grad_value({{"a", a}, {"b", b}}, 3.5);
  EXPECT_EQ(a.grad().to_vector(), Numbers({3, 3.5}));
  EXPECT_EQ(b.grad().item(), 3.5);
}

// ---- loud errors --------------------------------------------------------------------------------

// A CUDA tag on CPU memory, as far as a check that must not touch the elements can tell.
Tensor tagged_elsewhere(const Tensor& t) {
  const Tensor copy = t.clone();
  copy.state()->storage->device = cuda();
  return copy;
}

TEST(Coverage, WeightsOnAnotherDeviceAreNamed) {  // 4.7
  const Tensor x = doubles(uniform(6, 13), {2, 3}), y = classes({0, 2}), w = doubles({1, 2, 3});
  const Tensor far = tagged_elsewhere(w);
  EXPECT_EQ(error_of<DeviceError>([&] { call("cross_entropy", {x, y}, {}, {{"weight", far}}); }),
            "cross_entropy: weight is on cuda:0 but input is on cpu; move one with to()");
  far.state()->storage->device = cpu;
  EXPECT_EQ(call("cross_entropy", {x, y}, {}, {{"weight", far}}).item(),
            call("cross_entropy", {x, y}, {}, {{"weight", w}}).item())
      << "once it is here";
}

// What would be ambiguous does not compile: a tensor is no truth, and no set of options.
static_assert(!std::is_constructible_v<bool, Tensor>);
static_assert(!std::is_convertible_v<Tensor, bool>);
static_assert(!std::is_constructible_v<LossModule, const char*, Tensor, Tensor>);
static_assert(!std::is_constructible_v<LossModule, Tensor, Tensor>);
static_assert(std::is_invocable_v<decltype(huber_loss), Tensor, Tensor>);
static_assert(!std::is_invocable_v<decltype(huber_loss), Tensor, Tensor, Tensor>);
static_assert(!std::is_invocable_v<decltype(huber_loss), Tensor>);

TEST(Coverage, TensorsInThePlaceOfOptionsAreRefused) {  // 4.30
  const Tensor x = doubles({1, 2}), y = doubles({0, 0});
  LossModule module("mse_loss");
  EXPECT_EQ(module(x, y).item(), 2.5);
  EXPECT_EQ(error_of<ParamError>([&] { module(x); }), "mse_loss: got 1 inputs, wanted 2: input, target");
  EXPECT_EQ(error_of<ParamError>([&] { module(x, y, y); }), "mse_loss: got 3 inputs, wanted 2: input, target");
  EXPECT_EQ(error_of<ParamError>([&] { LossModule("mse_loss", {{{"delta", x}}, {}}); }),
            "mse_loss: there is no 'delta'; known are input, target, weight, reduction, empty");
  EXPECT_EQ(error_of<ShapeError>([&] { (x > y).item(); }),
            "item: got shape (2), wanted one element; reduce or index the tensor first")
      << "the truth of two elements";
}

TEST(Coverage, NaNsAreSeenAndAnomalyModeNamesTheirOp) {  // 4.31
  EXPECT_EQ(log(softmax(doubles({1e3, -1e3}, {1, 2}), 1)).at({0, 1}), -INFINITY) << "log 0 stays visible";
  const Tensor x = leaf({0, 1});
  const auto broken = [&] { return call("mse_loss", {log(x) * x, doubles({0, 0})}); };
  EXPECT_TRUE(std::isnan(broken().item())) << "by default nothing is masked";
  EXPECT_TRUE(std::isnan(gradient(broken(), x)[0]));
  EXPECT_FALSE(std::isnan(gradient(broken(), x)[1]));
  set_anomaly_mode(true);
  const std::string error = error_of<DomainError>([&] { broken().backward(); });
  set_anomaly_mode(false);
  EXPECT_EQ(error,
            "forward of mul: its output of shape (2) is NaN at element 0; look at what mul was given");
  EXPECT_EQ(call("check_finite", {doubles({1, 2})}).item(), 1);
  EXPECT_EQ(call("check_finite", {doubles({1, NAN})}).item(), 0);
}

// ---- small trainings ----------------------------------------------------------------------------

TEST(Coverage, AStudentLearnsTheDistributionsOfItsTeacher) {  // 2.20
  const Tensor x = doubles(uniform(60, 14, -2, 2), {20, 3}),
               teacher = matmul(x, doubles(uniform(12, 15, -2, 2), {3, 4}));
  Tensor w = zeros({3, 4}, Dtype::float64);
  w.requires_grad(true);
  Adam optimizer({{"w", w}}, {.lr = 0.05});
  const auto divergence = [&] {
    const Numbers p = softmax(teacher, 1).to_vector(), q = softmax(matmul(x, w.detach()), 1).to_vector();
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / q[i]);
    return sum / 20;
  };
  EXPECT_GT(divergence(), 0.2);
  for (int step = 0; step < 200; ++step) {
    optimizer.zero_grad();
    call("distillation_kd_loss", {matmul(x, w), teacher}, {{"temperature", 2.0}}).backward();
    optimizer.step();
  }
  EXPECT_LT(divergence(), 0.01);
}

TEST(Coverage, TheHingeFindsTheWidestMargin) {  // 4.14
  // Two classes whose nearest points stand at x = 1 and x = -1: the widest margin is 1, along x.
  const Tensor x = doubles({1, 0.5, 1, -0.5, 2, 1, 3, -2, -1, 0.5, -1, -0.5, -2, -1, -3, 2}, {8, 2}),
               t = doubles({1, 1, 1, 1, -1, -1, -1, -1});
  Tensor w = leaf({0.1, 0.5}), b = leaf({0});
  SGD optimizer({{"w", w}, {"b", b}}, {.lr = 0.1});
  for (int step = 0; step < 1500; ++step) {
    optimizer.set_lr(1 / (10.0 + 0.1 * step));
    optimizer.zero_grad();
    (call("hinge_loss", {matmul(x, w) + b, t}) + call("l2_penalty", {w}, {{"l2", 0.02}})).backward();
    optimizer.step();
  }
  const Numbers scores = (matmul(x, w) + b).to_vector(), v = w.to_vector();
  double margin = INFINITY;
  for (size_t i = 0; i < 8; ++i) margin = std::min(margin, (i < 4 ? 1 : -1) * scores[i] / std::hypot(v[0], v[1]));
  EXPECT_GT(margin, 0.95) << "all are right, and none is nearer than 95 % of the best";
  EXPECT_LE(margin, 1 + 1e-12);
}

TEST(Coverage, AlphaFocalLossFindsTheRareClass) {  // 4.16
  std::mt19937_64 engine(16);
  std::normal_distribution<double> normal;
  Numbers points, y;
  for (int i = 0; i < 1010; ++i) y.push_back(i >= 1000), points.push_back(normal(engine) + 2 * y.back());
  const Tensor x = doubles(points), labels = doubles(y);
  const auto recall = [&](const std::string& name, const Options& options) {
    Tensor w = leaf({0}), b = leaf({0});
    SGD optimizer({{"w", w}, {"b", b}}, {.lr = 1});
    for (int step = 0; step < 100; ++step) {
      optimizer.zero_grad();
      call(name, {x * w + b, labels}, options).backward();
      optimizer.step();
    }
    const Numbers scores = (x * w + b).to_vector();
    return double(std::count_if(scores.begin() + 1000, scores.end(), [](double s) { return s > 0; })) / 10;
  };
  EXPECT_GE(recall("sigmoid_focal_loss", {{"alpha", 0.95}, {"gamma", 2.0}}),
            recall("binary_cross_entropy_with_logits", {}) + 0.3);
}

TEST(Coverage, TheLassoIsSparseAndTheRidgeIsNot) {  // 4.24
  constexpr int64_t n = 80, d = 20;
  const Numbers truth = {2, -3, 1.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Tensor x = doubles(uniform(n * d, 17), {n, d}),
               y = matmul(x, doubles(truth)) + doubles(uniform(n, 18, -0.1, 0.1));
  const auto zeros_of = [&](double l1, double l2) {
    Tensor w = leaf(Numbers(d, 0.5));
    SGD optimizer({{"w", w}}, {.lr = 0.5, .weight_decay = l2});
    for (int step = 0; step < 300; ++step) {
      optimizer.zero_grad();
      call("mse_loss", {matmul(x, w), y}).backward();
      optimizer.step();
      const NoGrad quiet;  // the proximal step of l1 |w|: towards 0 by lr l1, and no farther
      for (int64_t i = 0; i < d; ++i)
        w.set({i}, std::copysign(std::max(0.0, std::abs(w.at({i})) - 0.5 * l1), w.at({i})));
    }
    const Numbers v = w.to_vector();
    return std::count(v.begin(), v.end(), 0.0);
  };
  EXPECT_GE(zeros_of(0.1, 0), 14) << "of 20, 16 of which are 0 in truth";
  EXPECT_EQ(zeros_of(0, 0.1), 0);
}

TEST(Coverage, ClippingCuresAnExplosion) {  // 4.33
  const auto last_loss = [](double max_norm) {
    Tensor w = leaf({1.6});
    SGD optimizer({{"w", w}}, {.lr = 0.01});
    double loss = 0;
    for (int step = 0; step < 50; ++step) {
      Tensor h = doubles({1});
      for (int t = 0; t < 20; ++t) h = h * w;
      const Tensor error = call("mse_loss", {h, doubles({0.5})});
      optimizer.zero_grad();
      error.backward();
      if (max_norm > 0) clip_grad_norm({{"w", w}}, max_norm);
      optimizer.step();
      loss = error.item();
      if (!std::isfinite(loss)) break;
    }
    return loss;
  };
  EXPECT_FALSE(std::isfinite(last_loss(0)));
  EXPECT_TRUE(std::isfinite(last_loss(1)));
  EXPECT_LT(last_loss(1), std::pow(1.6, 40));
}

// Places are told by two of eight numbers, which the noise of the other six drowns before training.
TEST(Coverage, OneModelOnThreeInputsLearnsToTellTriplets) {  // 0.24
  constexpr int64_t n = 200, d = 8;
  std::mt19937_64 engine(19);
  std::normal_distribution<double> normal;
  const auto triplets = [&] {
    std::vector<Numbers> all(3, Numbers(n * d));
    for (size_t i = 0; i < n; ++i) {
      const double angle = 6.3 * normal(engine);
      for (size_t k = 0; k < 3; ++k) {
        const double here = angle + 0.1 * normal(engine) + (k == 2 ? 3.1 : 0);
        for (size_t j = 0; j < d; ++j)
          all[k][i * d + j] = j > 1 ? 3 * normal(engine) : j ? std::sin(here) : std::cos(here);
      }
    }
    return std::vector<Tensor>{doubles(all[0], {n, d}), doubles(all[1], {n, d}), doubles(all[2], {n, d})};
  };
  Tensor w = leaf(times(uniform(d * 4, 20), 0.3), {d, 4});
  const auto accuracy = [&](const std::vector<Tensor>& in) {
    const NoGrad quiet;
    const Tensor a = matmul(in[0], w);
    const Numbers near = call("pairwise_distance", {a, matmul(in[1], w)}).to_vector(),
                  far = call("pairwise_distance", {a, matmul(in[2], w)}).to_vector();
    int right = 0;
    for (size_t i = 0; i < n; ++i) right += near[i] < far[i];
    return double(right) / n;
  };
  const auto seen = triplets(), held_out = triplets();
  Adam optimizer({{"w", w}}, {.lr = 1e-3});
  EXPECT_NEAR(accuracy(held_out), 0.5, 0.12);
  for (int epoch = 0; epoch < 30; ++epoch)
    for (int64_t first = 0; first < n; first += 5) {
      optimizer.zero_grad();
      const auto embedded = [&](size_t k) { return matmul(slice(seen[k], 0, first, first + 5), w); };
      call("triplet_loss", {embedded(0), embedded(1), embedded(2)}).backward();
      optimizer.step();
    }
  EXPECT_GT(accuracy(held_out), 0.95);
}

// A stand-in for a transformer that is tuned for two tasks at once: what it shares is an average of embeddings.
TEST(Coverage, TwoHeadsLearnFromOneBagOfWords) {  // 4.34
  constexpr int64_t texts = 120, words = 6, vocabulary = 30;
  std::mt19937_64 engine(21);
  Numbers tokens, topic, mood;
  for (int i = 0; i < texts; ++i) {
    topic.push_back(double(engine() % 3)), mood.push_back(double(engine() % 2));
    tokens.push_back(topic.back()), tokens.push_back(3 + mood.back());  // two words tell, the others do not
    for (int w = 2; w < words; ++w) tokens.push_back(double(5 + engine() % 25));
  }
  Generator generator(22);
  Embedding embedding(vocabulary, 8, {}, generator);
  Linear topics(8, 3, true, generator), moods(8, 2, true, generator);
  NamedTensors all;
  for (auto& [prefix, module] :
       std::vector<std::pair<std::string, Module*>>{{"words.", &embedding}, {"topics.", &topics}, {"moods.", &moods}})
    for (auto& [name, t] : module->named_parameters()) all.emplace_back(prefix + name, t);
  Adam optimizer(all, {.lr = 0.03});
  const Tensor x = classes(tokens, {texts, words});
  const auto pooled = [&] { return mean(embedding(x), {1}); };
  const auto hits = [](const Tensor& scores, const Numbers& wanted) {
    return total(call("in_top_k", {scores, classes(wanted)}).to_vector()) / texts;
  };
  EXPECT_LT(hits(topics(pooled()), topic), 0.7);
  for (int step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    const Tensor shared = pooled();
    (call("cross_entropy", {topics(shared), classes(topic)}) + call("cross_entropy", {moods(shared), classes(mood)}))
        .backward();
    optimizer.step();
  }
  EXPECT_GT(hits(topics(pooled()), topic), 0.95);
  EXPECT_GT(hits(moods(pooled()), mood), 0.95);
}

}  // namespace
}  // namespace gradus
