// Every loss on the device: the same value, gradients and errors as on the CPU, for every variant of its options, all
// reductions, both dtypes, strided inputs and parameters of every shape.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gradus/ops/device_agreement.h"
#include "gradus/ops/device_losses.h"
#include "gradus/ops/registry.h"

namespace {

using namespace gradus;

class DeviceLosses : public testing::TestWithParam<const LossEntry*> {};

TEST_P(DeviceLosses, AreAsOnTheCpu) {
  const DeviceAgreement a = agreement(*GetParam(), cuda());
  EXPECT_GT(a.cases, 0);
  EXPECT_TRUE(a.failures.empty()) << to_string(a);
}

INSTANTIATE_TEST_SUITE_P(Every, DeviceLosses, testing::ValuesIn(losses()),
                         [](const auto& info) { return std::string(info.param->about->name); });

TEST(DeviceCoverage, EveryFormulaHasAKernelOrSaysWhyNot) {
  const std::set<std::string> solved_on_the_host = {
      "sinkhorn_loss"};  // Newton's steps by elimination, in plain doubles
  for (const LossEntry* loss : losses())
    for (int f = 0; f < loss->formula_count; ++f) {
      const FormulaEntry& entry = *loss->formula(f);
      const bool kernel = bool(device_kernel("test", entry, cuda()));
      const bool composed = entry.compose, on_host = solved_on_the_host.contains(loss->about->name);
      EXPECT_EQ(kernel + composed + on_host, 1) << loss->about->name << ", formula " << f;
    }
}

}  // namespace
