// Every loss on the device: the same value, gradients and errors as on the CPU, for every variant of its options, all
// reductions, both dtypes, strided inputs and parameters of every shape.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/losses/huber_loss.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/shape.h"

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

// A thread takes the elements of 16 bytes at a time, unless they begin elsewhere or are not neighbours; the last ones
// one by one.
TEST(DeviceMaps, AreAsOnTheCpuWhereverTheirElementsLie) {
  for (const Dtype dtype : {Dtype::float32, Dtype::float64})
    for (const int64_t n : {1, 3, 4, 5, 17, 1031})
      for (const int64_t begin : {0, 1, 2, 4})
        for (const int64_t step : {1, 2}) {
          SCOPED_TRACE(fmt::format("{} {} from {} by {}", name_of(dtype), n, begin, step));
          Generator generator(uint64_t(n + begin));
          const Tensor x = randn({begin + step * n}, dtype, generator), y = randn({n}, dtype, generator);
          const auto results = [&](Device device) {
            Tensor mine = to(x, device).detach().requires_grad(true);
            const Tensor each =
                huber_loss(slice(mine, 0, begin, begin + step * n, step), to(y, device), {}, Reduction::none);
            Tensor weights = to(y, device);
            backward(sum(each * weights));
            std::vector<double> all = each.to_vector();
            for (const double v : mine.grad().to_vector()) all.push_back(v);
            return all;
          };
          EXPECT_EQ(results(cuda()), results(cpu));
        }
}

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
