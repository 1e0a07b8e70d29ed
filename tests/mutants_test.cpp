// The gradient checks are checked: deliberate mistakes in the gradients of every loss and of ops must be found.
#include "gradus/ops/mutants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/certificate.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/op_certificate.h"
#include "gradus/ops/registry.h"

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
    if (losses()[i]->formula(0)->gradients > 0) all.push_back(losses()[i]);
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
    const Certificate c = certify(loss, {.mutation = m, .stop_at_failure = true, .brief = true});
    score_.add(c.mutated, !c.failures.empty(), std::string(loss.about->name) + ", " + name_of(m));
    changed += c.mutated;
  }
  EXPECT_GT(changed, 0);
}

INSTANTIATE_TEST_SUITE_P(Mutants, MutantsOfLosses, testing::ValuesIn(mutable_losses()),
                         [](const auto& info) { return std::string(info.param->about->name); });

TEST(Mutants, OfOpsAreCaughtByTheirCertificates) {
  Score score;
  for (size_t i = 0; i < differentiable_ops().size(); i += one_in) {
    const OpEntry& op = differentiable_ops()[i];
    if (op.flat) continue;  // nothing times anything is nothing
    for (Mutation m : mutations) {
      const OpCertificate c = certify(op, {.mutation = m});
      const bool found = std::any_of(c.failures.begin(), c.failures.end(),
                                     [](const std::string& f) { return f.find("gradcheck failed") != f.npos; });
      score.add(c.mutated, found, op.name + ", " + name_of(m));
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
