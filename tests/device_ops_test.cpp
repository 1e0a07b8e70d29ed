// Every op of the table on a device: the values and gradients of the CPU, or one sentence that there is no kernel.
#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <set>
#include <sstream>
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

// Those that run there, backward too.  Whatever else the table holds says that it does not.
constexpr const char* with_kernels = R"(
abs add atan2 ceil clamp concat cos diagonal div divided elu erf exp expand expm1 flatten flip floor gelu
leaky_relu linear log log1p log_sigmoid matmul maximum mean minimum mul neg pad permute pow reciprocal relu
repeat reshape round rsqrt scaled select shifted sigmoid sign silu sin slice softplus split sqrt square squeeze
stack sub sum sum_of_repeats sum_to tanh to transpose unsqueeze view
)";

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
    ASSERT_TRUE(std::abs(got[i] - want[i]) <= tolerance * std::max(1.0, std::abs(want[i])))
        << what << ": element " << i << " is " << got[i] << ", wanted " << want[i];
}

enum class Outcome { as_on_the_cpu, no_kernel, brings_a_cpu_tensor };

Outcome outcome_of(const OpEntry& op, const OpCase& c, Dtype dtype, Layout layout) {
  const std::vector<Tensor> leaves = OpSample::drawn(c, 3).leaves(dtype, layout);
  const Result host = result_of(c, leaves, cpu);
  Result device;
  try {
    device = result_of(c, leaves, cuda());
  } catch (const DeviceError& e) {
    const std::string said = e.what();
    if (said == op.name + ": got tensors on cpu and cuda:0; move one with to()") return Outcome::brings_a_cpu_tensor;
    EXPECT_EQ(said, op.name + ": has no kernel on cuda:0; move its tensors with to(x, cpu)");
    return Outcome::no_kernel;
  }
  const double tolerance = dtype == Dtype::float64 ? 1e-10 : 1e-5;
  expect_near(device.value, host.value, tolerance, op.name);
  EXPECT_EQ(device.grads.size(), host.grads.size()) << op.name;
  for (size_t k = 0; k < host.grads.size() && k < device.grads.size(); ++k)
    expect_near(device.grads[k], host.grads[k], tolerance, op.name + ", gradient " + std::to_string(k));
  return Outcome::as_on_the_cpu;
}

TEST(DeviceOps, AreAsOnTheCpuOrSayThatTheyAreNot) {
  std::istringstream list(with_kernels);
  const std::set<std::string> listed(std::istream_iterator<std::string>(list), {});
  std::set<std::string> unknown = listed;
  for (const OpEntry& op : differentiable_ops()) {
    std::set<Outcome> outcomes;
    for (const OpCase& c : op.cases)
      for (const Dtype dtype : {Dtype::float64, Dtype::float32})
        for (const Layout layout : {Layout::dense, Layout::reversed, Layout::spaced})
          if (!c.shapes.empty()) outcomes.insert(outcome_of(op, c, dtype, layout));
    const bool runs = outcomes.count(Outcome::as_on_the_cpu) && !outcomes.count(Outcome::no_kernel);
    EXPECT_EQ(runs, listed.count(op.name) == 1) << op.name;
    unknown.erase(op.name);
  }
  EXPECT_EQ(unknown, std::set<std::string>()) << "are no ops of the table";
}

}  // namespace
