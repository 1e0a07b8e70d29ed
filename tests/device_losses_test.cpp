// Every loss on the device: the same value, gradients and errors as on the CPU, for every variant of its options, all
// reductions, both dtypes, strided inputs and parameters of every shape.
#include <gtest/gtest.h>

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

TEST(DeviceCoverage, EveryMapAndFoldHasAKernel) {
  for (const LossEntry* loss : losses())
    for (int f = 0; f < loss->formula_count; ++f) {
      const FormulaEntry& entry = *loss->formula(f);
      const bool kernel = bool(device_kernel("test", entry, cuda()));
      EXPECT_TRUE(kernel || !entry.run) << loss->about->name << ", formula " << f;
      EXPECT_NE(kernel || entry.block, entry.compose != nullptr) << loss->about->name << ", formula " << f;
    }
}

}  // namespace
