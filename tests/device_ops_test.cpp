// Every op of the table on a device: the values and gradients of the CPU.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/op_sample.h"
#include "gradus/ops/op_table.h"

namespace {

using namespace gradus;

struct Result {
  std::vector<double> value;
  std::vector<std::vector<double>> grads;
};

Result result_of(const OpCase& c, const std::vector<Tensor>& leaves, Device device) {
  std::vector<Tensor> inputs;
  for (const Tensor& t : leaves) {
    const Tensor here = t.detach();
    Tensor there = here.device() == device ? here : Tensor(here.shape(), here.dtype(), device);
    if (device != cpu) {  // as strided as it was
      const Tensor room({here.numel() * 4 + 4}, here.dtype(), device);
      there = room.alias(here.shape(), here.strides());
      copy_elements(here, there);
    }
    inputs.push_back(there.requires_grad(true));
  }
  const Tensor out = c.call(inputs);
  Result r{out.to_vector(), {}};
  if (!out.requires_grad()) return r;
  Tensor upstream(out.shape(), out.dtype());
  visit_floating(upstream.dtype(), [&]<class F>(Type<F>) {
    for (int64_t i = 0; i < upstream.numel(); ++i) upstream.mutable_data<F>()[i] = F(0.5 + double(i % 7) / 8);
  });
  for (const Tensor& g : grad({out}, inputs, {to(upstream, device)}))
    r.grads.push_back(g.defined() ? g.to_vector() : std::vector<double>());
  return r;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& want, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_TRUE(got[i] == want[i] || std::abs(got[i] - want[i]) <= tolerance * std::max(1.0, std::abs(want[i])))
        << what << ": element " << i << " is " << got[i] << ", wanted " << want[i];
}

void compare(const OpEntry& op, const OpCase& c, Dtype dtype, Layout layout) {
  const std::vector<Tensor> leaves = OpSample::drawn(c, 3).leaves(dtype, layout);
  const Result host = result_of(c, leaves, cpu), device = result_of(c, leaves, cuda());
  const double tolerance = dtype == Dtype::float64 ? 1e-10 : 1e-5;
  expect_near(device.value, host.value, tolerance, op.name);
  ASSERT_EQ(device.grads.size(), host.grads.size()) << op.name;
  for (size_t k = 0; k < host.grads.size(); ++k)
    expect_near(device.grads[k], host.grads[k], tolerance, op.name + ", gradient " + std::to_string(k));
}

class DeviceOps : public testing::TestWithParam<OpEntry> {};

TEST_P(DeviceOps, AreAsOnTheCpu) {
  for (const OpCase& c : GetParam().cases)
    for (const Dtype dtype : {Dtype::float64, Dtype::float32})
      for (const Layout layout : {Layout::dense, Layout::reversed, Layout::spaced})
        if (!c.shapes.empty()) compare(GetParam(), c, dtype, layout);
}

INSTANTIATE_TEST_SUITE_P(Every, DeviceOps, testing::ValuesIn(differentiable_ops()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
