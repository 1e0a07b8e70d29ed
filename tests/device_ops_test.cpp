// Every op of the table on a device: the values and gradients of the CPU.
#include <gtest/gtest.h>

#include "gradus/ops/arithmetic.h"
#include "gradus/ops/device_agreement.h"
#include "gradus/ops/factories.h"

namespace {

using namespace gradus;

class DeviceOps : public testing::TestWithParam<OpEntry> {};

TEST_P(DeviceOps, AreAsOnTheCpu) {
  const DeviceAgreement a = agreement(GetParam(), cuda());
  EXPECT_GT(a.cases, 0);
  EXPECT_TRUE(a.failures.empty()) << to_string(a);
}

INSTANTIATE_TEST_SUITE_P(Every, DeviceOps, testing::ValuesIn(differentiable_ops()),
                         [](const auto& info) { return info.param.name; });

// What is compared must be able to differ: ops that know where they are.
TEST(DeviceOpsAndLosses, TellsValuesGradientsAndErrorsThatDiffer) {
  const auto told = [](TensorFunction call) {
    const DeviceAgreement a = agreement(OpEntry{"op", "none", {{std::move(call), {{2, 3}}}}}, cuda());
    return a.failures.empty() ? "" : a.failures[0];
  };
  using In = const std::vector<Tensor>&;
  const auto there = [](In x) { return x[0].device() != cpu; };
  EXPECT_EQ(told([](In x) { return x[0] * 2.0; }), "");
  EXPECT_NE(told([=](In x) { return x[0] * (there(x) ? 2.0001 : 2.0); }).find("value[0] is "), std::string::npos);
  EXPECT_NE(told([=](In x) { return there(x) ? x[0] * 1.0 : x[0].detach() * 2.0 - x[0]; }).find("gradient 0[0] is 1"),
            std::string::npos);
  EXPECT_EQ(told([=](In x) {
              return there(x) ? x[0] + zeros({7}, x[0].dtype(), x[0].device()) : x[0] * 1.0;
            }).find("case 0, float64: error 'add: "),
            0u);
}

}  // namespace
