// Every loss on the device: the same value and gradients as on the CPU, for every variant of its
// options, all reductions, both dtypes, strided inputs and parameters of every shape.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/certificate_samples.h"
#include "gradus/ops/device_losses.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace {

using namespace gradus;

// On the device, with its dimensions in reversed order and gaps between, where `strided`.
Tensor moved(const Tensor& t, bool strided) {
  if (!t.defined()) return t;
  if (!strided || t.rank() == 0) return to(t, cuda());
  Shape strides = t.shape();
  int64_t step = 2;
  for (int d = 0; d < t.rank(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(1, t.shape()[d]);
  }
  Tensor view = Tensor({step}, t.dtype(), cuda()).alias(t.shape(), strides);
  copy_elements(t, view);
  return view;
}

struct Result {
  std::string error;
  std::vector<double> value;
  std::vector<std::vector<double>> grads;  // of every input; empty where none flows
};

Result result_of(const LossPoint& point, std::vector<Tensor> inputs, Reduction reduction) {
  Result r;
  std::vector<Tensor> leaves;
  std::vector<size_t> which;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (!inputs[k].defined() || !point.facts(int(k)).differentiable || !computes(inputs[k].dtype())) continue;
    inputs[k] = inputs[k].detach().requires_grad(true);
    leaves.push_back(inputs[k]);
    which.push_back(k);
  }
  try {
    const Tensor out = point.value(inputs, reduction);
    r.value = out.to_vector();
    r.grads.resize(inputs.size());
    if (leaves.empty() || !out.requires_grad() || out.numel() == 0) return r;
    Tensor upstream(out.shape(), out.dtype());
    Generator generator(7);
    visit_floating(upstream.dtype(), [&]<class F>(Type<F>) {
      fill_uniform(upstream.mutable_data<F>(), upstream.numel(), 0.5, 1.5, generator);
    });
    const std::vector<Tensor> grads = grad({out}, leaves, {to(upstream, out.device())});
    for (size_t i = 0; i < grads.size(); ++i)
      if (grads[i].defined()) r.grads[which[i]] = grads[i].to_vector();
  } catch (const Error& e) { r.error = e.what(); }
  return r;
}

// What is wrong, "" when nothing is.
std::string difference(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  if (got.size() != want.size()) return std::to_string(got.size()) + " numbers, wanted " + std::to_string(want.size());
  double largest = 1;
  for (double w : want)
    if (std::isfinite(w)) largest = std::max(largest, std::abs(w));
  for (size_t i = 0; i < got.size(); ++i) {
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    if (!same && !(std::abs(got[i] - want[i]) <= tolerance * largest))
      return "element " + std::to_string(i) + " is " + testing::PrintToString(got[i]) + ", wanted " +
             testing::PrintToString(want[i]);
  }
  return "";
}

std::string difference(const Result& device, const Result& host, const LossPoint& point, double tolerance) {
  if (device.error != host.error) return "error '" + device.error + "', wanted '" + host.error + "'";
  if (std::string d = difference(device.value, host.value, tolerance); !d.empty()) return "value: " + d;
  for (size_t k = 0; k < host.grads.size(); ++k)
    if (std::string d = difference(device.grads[k], host.grads[k], tolerance); !d.empty())
      return std::string("gradient of ") + point.facts(int(k)).name + ": " + d;
  return "";
}

constexpr Reduction reductions[] = {Reduction::none, Reduction::sum, Reduction::mean, Reduction::batchmean,
                                    Reduction::mean_active};

// Compares one drawn point in all reductions; what differs is a failure.
void compare(const LossEntry& loss, const LossVariant& variant, LossPoint& point, const Plan& plan) {
  const double tolerance = plan.dtype == Dtype::float64 ? 1e-10 : 1e-5;
  std::vector<Tensor> there;
  for (const Tensor& t : point.inputs) there.push_back(moved(t, plan.strided));
  for (const Reduction reduction : reductions) {
    const Result host = result_of(point, point.inputs, reduction), device = result_of(point, there, reduction);
    const std::string wrong = difference(device, host, point, tolerance);
    EXPECT_EQ(wrong, "") << loss.about->name << " " << variant.name << ", " << to_string(plan) << ", "
                         << name_of(reduction);
  }
}

// Is there such a point?  A space may be too small for the loss's options.
bool drawn(LossPoint& point, const Plan& plan, Generator& generator) {
  try {
    return draw_finite(point, plan, generator);
  } catch (const ParamError&) { return false; }
}

void compare_all(const LossEntry& loss) {
  Generator generator(1);
  int compared = 0;
  for (const LossVariant& variant : variants_of(loss, 3)) {
    LossPoint point(loss, variant);
    const int rank = std::max(point.least_rank(), 2);
    for (const Dtype dtype : {Dtype::float64, Dtype::float32}) {
      std::vector<Plan> plans = {{.style = Style::smooth, .space = space_of(point, rank, 5, 40), .dtype = dtype}};
      if (variant.name == "defaults") {
        plans.push_back({.style = Style::ties, .space = space_of(point, rank, 3, 20), .strided = true, .dtype = dtype});
        plans.push_back(
            {.style = Style::smooth, .space = space_of(point, rank + 1, 4, 9), .broadcast = true, .dtype = dtype});
        plans.push_back({.space = space_of(point, rank, 9, 33), .tensors = false, .defaults = true, .dtype = dtype});
        if (point.entry().fold && dtype == Dtype::float64)  // rows that are cut into parts
          plans.push_back({.style = Style::smooth, .space = space_of(point, rank, 2, 17000), .dtype = dtype});
      }
      for (const Plan& plan : plans)
        if (drawn(point, plan, generator)) {
          compare(loss, variant, point, plan);
          ++compared;
        }
    }
  }
  EXPECT_GT(compared, 0) << loss.about->name;
}

class DeviceLosses : public testing::TestWithParam<const LossEntry*> {};

TEST_P(DeviceLosses, AreAsOnTheCpu) { compare_all(*GetParam()); }

INSTANTIATE_TEST_SUITE_P(Every, DeviceLosses, testing::ValuesIn(losses()),
                         [](const auto& info) { return std::string(info.param->about->name); });

TEST(DeviceCoverage, EveryMapAndFoldHasAKernelAndEveryBlockIsSolvedOnTheHost) {
  for (const LossEntry* loss : losses())
    for (int f = 0; f < loss->formula_count; ++f) {
      const FormulaEntry& entry = *loss->formula(f);
      const bool kernel = bool(device_kernel("test", entry, cuda()));
      EXPECT_EQ(kernel, entry.run != nullptr) << loss->about->name << ", formula " << f;
      EXPECT_EQ(kernel + entry.block + (entry.compose != nullptr), 1) << loss->about->name << ", formula " << f;
    }
}

}  // namespace
