// The gradient checks are checked: deliberate mistakes in the gradients of every loss and of ops must be found.
#include "gradus/ops/mutants.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/certificate.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/shape.h"

namespace {

using namespace gradus;

struct Score {
  int caught = 0, all = 0;
  std::string survivors;

  void add(bool changed, bool found, const std::string& name) {
    if (!changed) return;  // equivalent to the original
    ++all;
    if (found) ++caught;
    else survivors += "\n  " + name;
  }
  void expect_nearly_all(const char* what) const {
    std::printf("%s: %d of %d mutants caught\n", what, caught, all);
    EXPECT_GT(all, 0);
    EXPECT_GE(caught, 0.99 * all) << "survivors:" << survivors;
  }
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t one_in = 16;  // everything is ten times slower: mutate fewer
#else
constexpr size_t one_in = 1;
#endif

std::vector<const LossEntry*> mutable_losses() {
  std::vector<const LossEntry*> all;
  for (size_t i = 0; i < losses().size(); i += one_in) {
    const FormulaEntry& f = *losses()[i]->formula(0);
    const bool numbered = std::string(losses()[i]->about->name) == "adaptive_log_softmax_with_loss";
    if (f.gradients > 0 && !numbered) all.push_back(losses()[i]);
  }
  return all;
}

// All losses share one score; that no certificate fails without a mutation, the certificates' own tests say.
class MutantsOfLosses : public testing::TestWithParam<const LossEntry*> {
 protected:
  static void TearDownTestSuite() { score_.expect_nearly_all("losses"); }
  static inline Score score_;
};

TEST_P(MutantsOfLosses, AreCaughtByItsCertificate) {
  const LossEntry& loss = *GetParam();
  int changed = 0;
  for (Mutation m : mutations) {
    const Certificate c = certify(loss, {.mutation = m, .stop_at_failure = true});
    score_.add(c.mutated, !c.failures.empty(), std::string(loss.about->name) + ", " + name_of(m));
    changed += c.mutated;
  }
  EXPECT_GT(changed, 0);
}

INSTANTIATE_TEST_SUITE_P(Mutants, MutantsOfLosses, testing::ValuesIn(mutable_losses()),
                         [](const auto& info) { return std::string(info.param->about->name); });

struct Op {
  const char* name;
  TensorFunction f;
  std::vector<Tensor> inputs;
};

std::vector<Op> some_ops() {
  const auto leaf = [](const Shape& shape, double first, double step) {
    std::vector<double> values;
    for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(first + step * double(i * 7 % 11));
    return tensor(values, shape, Dtype::float64).requires_grad(true);
  };
  const Tensor a = leaf({3, 4}, -1.9, 0.4), b = leaf({3, 4}, 0.7, 0.3), c = leaf({4, 3}, -1.1, 0.5),
               row = leaf({4}, 0.5, 0.25);
  using In = const std::vector<Tensor>&;
  return {
      {"add", [](In in) { return in[0] * in[0] + in[1]; }, {a, b}},
      {"sub", [](In in) { return in[0] - in[1] * in[1]; }, {a, b}},
      {"mul", [](In in) { return in[0] * in[1]; }, {a, b}},
      {"mul broadcast", [](In in) { return in[0] * in[1]; }, {a, row}},
      {"div", [](In in) { return in[0] / in[1]; }, {a, b}},
      {"neg", [](In in) { return -in[0]; }, {a}},
      {"relu", [](In in) { return relu(in[0]); }, {a}},
      {"matmul", [](In in) { return matmul(in[0], in[1]); }, {a, c}},
      {"sum", [](In in) { return sum(in[0] * in[0], {1}); }, {a}},
      {"mean", [](In in) { return mean(in[0] * in[1]); }, {a, b}},
      {"transpose", [](In in) { return transpose(in[0], 0, 1) * in[1]; }, {a, c}},
      {"expand", [](In in) { return expand(in[0], {3, 4}) * in[1]; }, {row, b}},
  };
}

TEST(Mutants, OfOpsAreCaughtByGradcheck) {
  Score score;
  for (const Op& op : some_ops()) {
    const Report right = gradcheck(op.f, op.inputs);
    ASSERT_TRUE(right.ok) << op.name << ": " << to_string(right);
    for (Mutation m : mutations) {
      if (m == Mutation::at_ties) continue;  // these points have none
      bool changed = false;
      const Report report = gradcheck(mutant(op.f, m, {}, &changed), op.inputs);
      score.add(changed, report.failures > 0, std::string(op.name) + ", " + name_of(m));
    }
  }
  score.expect_nearly_all("ops");
}

TEST(Mutants, AtTiesAreCaughtByGradcheck) {
  const Tensor x = tensor({-1, 0, 2}, {3}, Dtype::float64).requires_grad(true);
  bool changed = false;
  const Report report = gradcheck(mutant([](const std::vector<Tensor>& in) { return relu(in[0]); }, Mutation::at_ties,
                                         {{false, true, false}}, &changed),
                                  {x});
  EXPECT_TRUE(changed);
  EXPECT_EQ(report.failures, 1);
}

TEST(Mutants, ThatChangeNothingAreEquivalent) {
  const Tensor x = tensor({2}, {1}, Dtype::float64).requires_grad(true);
  bool changed = false;
  EXPECT_TRUE(
      gradcheck(mutant([](const std::vector<Tensor>& in) { return in[0] * in[0]; }, Mutation::times_n, {}, &changed),
                {x})
          .ok);
  EXPECT_FALSE(changed);
}

}  // namespace
