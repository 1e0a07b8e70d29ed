// Every loss has a complete certificate and right examples; a wrong, undeclared or half-seen formula has none.
#include "gradus/ops/certificate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "gradus/cli/loss_json.h"
#include "gradus/core/error.h"
#include "gradus/ops/compile.h"
#include "gradus/ops/registry.h"

namespace {

using namespace gradus;

constexpr About described(const char* kinks) {
  return {.name = "made_up", .family = "test", .summary = "", .formula = "", .gradient = "", .kinks = kinks};
}

// |x - t|, whose kink is not declared.
struct Silent {
  static constexpr Input<Silent> inputs[] = {element("input"), element("target")};
  static constexpr About about = described("");
  static constexpr Example examples[] = {{"{}", 0, ""}};
  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    T e = x - t, way = select(e < 0.0, T(-1.0), 1.0);
    return {abs(e), {way, -way}};
  }
};
// (x - t)² with a factor forgotten in the gradient of t.
struct Forgetful {
  static constexpr Input<Forgetful> inputs[] = {element("input"), element("target")};
  static constexpr About about = described("");
  static constexpr Example examples[] = {{"{}", 0, ""}};
  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T t) {
    T e = x - t;
    return {e * e, {2.0 * e, -e}};
  }
};
// x², with a branch for a value that no sample has.
struct Hidden {
  static constexpr Input<Hidden> inputs[] = {element("input")};
  static constexpr About about = described("at 12345.678");
  static constexpr Example examples[] = {{"{}", 0, ""}};
  template <class T> GRADUS_FN static Scored<T, 1> eval(T x) {
    return {x * x, {select(x == 12345.678, T(0.0), 2.0 * x)}};
  }
};
// x y where the value is dead to y at 0: right for backward, wrong for the exact derivative.
struct Dead {
  static constexpr Input<Dead> inputs[] = {element("input"), element("target")};
  static constexpr About about = described("");
  static constexpr Example examples[] = {{"{}", 0, ""}};
  template <class T> GRADUS_FN static Scored<T, 2> eval(T x, T y) { return {select(y == 0.0, 0.0, x * y), {y, x}}; }
};
constexpr Loss<Silent> silent;
constexpr Loss<Forgetful> forgetful;
constexpr Loss<Hidden> hidden;
constexpr Loss<Dead> dead;

bool has(const std::vector<std::string>& list, const std::string& part) {
  for (const std::string& s : list)
    if (s.find(part) != std::string::npos) return true;
  return false;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // everything is ten times slower: look at less
#else
constexpr bool sanitized = false;
#endif

bool numbered(const FormulaEntry& f) {
  for (int k = 0; k < f.inputs; ++k)
    if (std::string(f.input(k)->name).find('{') != std::string::npos) return true;
  return false;
}

// What makes gradients, and whose inputs can be drawn: not a list of weights with extents of its own.
std::vector<const LossEntry*> provable() {
  std::vector<const LossEntry*> all;
  for (const LossEntry* loss : losses())
    if (!numbered(*loss->formula(0)) && loss->formula(0)->gradients > 0) all.push_back(loss);
  return all;
}

class EveryLoss : public testing::TestWithParam<const LossEntry*> {};
class EveryName : public testing::TestWithParam<const LossEntry*> {};

// With differences, duals and second order for every input, under every reduction that the loss has; what is frozen
// only duals can tell, and a composition of tensor ops has none.
TEST_P(EveryLoss, HasACompleteCertificate) {
  const LossEntry& loss = *GetParam();
  const Certificate c = certify(loss, {.brief = sanitized});
  EXPECT_TRUE(c.complete) << to_string(c);
  const FormulaEntry& f = *loss.formula(0);
  std::vector<std::string> reductions = {"none", "sum", "mean", "batchmean", "mean_active"};
  if (loss.about->fixed) reductions = {name_of(loss.about->reduction)};
  std::vector<int> steps = {1, 2, 3};
  if (*loss.about->frozen) steps = {2};
  if (f.compose) steps = {1, 3};
  for (int k = 0; k < f.inputs; ++k) {
    if (!f.input(k)->differentiable) continue;
    const bool moves = !f.input(k)->range.only_ends;  // a label of ±1 does not
    for (const std::string& reduction : reductions)
      for (int step : moves ? steps : std::vector<int>{2}) {
        bool found = false;
        for (const CertificateRow& row : c.rows)
          found |= row.step == step && row.input == f.input(k)->name && row.reduction == reduction && row.cases > 0;
        EXPECT_TRUE(found) << f.input(k)->name << " " << reduction << " step " << step;
      }
  }
}

TEST_P(EveryName, HasExamplesThatHold) {
  const LossEntry& loss = *GetParam();
  ASSERT_GE(loss.example_count, 1);
  for (int i = 0; i < loss.example_count; ++i) {
    const Example& example = loss.examples[i];
    const double scale = std::max(1.0, std::abs(example.value));
    EXPECT_NEAR(evaluate(loss, loss_arguments(loss, example.call, Dtype::float64)).item(), example.value, 1e-13 * scale)
        << example.call;
    EXPECT_NEAR(evaluate(loss, loss_arguments(loss, example.call, Dtype::float32)).item(), example.value, 2e-6 * scale)
        << example.call;
  }
}

INSTANTIATE_TEST_SUITE_P(Certificate, EveryLoss, testing::ValuesIn(provable()),
                         [](const auto& info) { return std::string(info.param->about->name); });

INSTANTIATE_TEST_SUITE_P(Certificate, EveryName, testing::ValuesIn(losses()),
                         [](const auto& info) { return std::string(info.param->about->name); });

TEST(Certificate, AnUndeclaredKinkIsAFailure) {
  const Certificate c = certify(silent.entry());
  EXPECT_FALSE(c.complete);
  EXPECT_GT(c.kinks, 0);
  EXPECT_TRUE(has(c.failures, "an undeclared kink: input element")) << to_string(c);
}

TEST(Certificate, AWrongGradientIsNamed) {
  const Certificate c = certify(forgetful.entry(), {.stop_at_failure = true});
  EXPECT_FALSE(c.complete);
  EXPECT_TRUE(has(c.failures, "off by a factor 0.5")) << to_string(c);
}

TEST(Certificate, ABranchThatNoSampleTakesIsReported) {
  const Certificate c = certify(hidden.entry());
  EXPECT_FALSE(c.complete);
  EXPECT_TRUE(c.failures.empty()) << to_string(c);
  ASSERT_EQ(c.unvisited.size(), 1u);
  EXPECT_NE(c.unvisited[0].find("select: never true, never mixed"), std::string::npos) << c.unvisited[0];
}

TEST(Certificate, DualsSeeADeadBranchThatDifferencesDoNot) {
  const Certificate c = certify(dead.entry());
  EXPECT_FALSE(c.complete);
  EXPECT_TRUE(has(c.failures, "step 2")) << to_string(c);
  EXPECT_FALSE(has(c.failures, "step 1")) << to_string(c);
}

TEST(Certificate, IsTheSameEveryTime) {
  EXPECT_EQ(to_string(certify(loss_named("huber_loss")), true), to_string(certify(loss_named("huber_loss")), true));
}

TEST(LossJson, ReadsInputsLabelsNumbersAndWords) {
  const LossArguments a =
      loss_arguments(loss_named("cross_entropy"),
                     R"({"input": [[1, 2], [3, 4]], "target": [0, 1], "temperature": 2, "softcap": null})");
  EXPECT_EQ(describe(a.inputs[0].second), "float64 (2,2)");
  EXPECT_EQ(describe(a.inputs[1].second), "int64 (2)");
  ASSERT_EQ(a.options.size(), 2u);
  EXPECT_EQ(std::get<std::string>(a.options[0].second), "none");
  EXPECT_EQ(std::get<double>(a.options[1].second), 2);
}

TEST(LossJson, RefusesWhatIsNoCall) {
  const LossEntry& loss = loss_named("mse_loss");
  EXPECT_THROW(loss_arguments(loss, "[1, 2]"), ParamError);
  EXPECT_THROW(loss_arguments(loss, R"({"input": [[1, 2], [3]]})"), ShapeError);
  EXPECT_THROW(loss_arguments(loss, R"({"input": [1, [2]]})"), ShapeError);
  EXPECT_THROW(loss_arguments(loss, R"({"input": [[1], 2]})"), ShapeError);
  EXPECT_THROW(loss_arguments(loss, R"({"input": ["one"]})"), ParamError);
}

}  // namespace
