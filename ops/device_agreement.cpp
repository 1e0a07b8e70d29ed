#include "gradus/ops/device_agreement.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/certificate_samples.h"
#include "gradus/ops/op_sample.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

// ---- what is compared ---------------------------------------------------------------------------

struct Result {
  std::string error;
  std::vector<double> value;
  std::vector<std::vector<double>> grads;  // of every input; empty where none flows
};

Tensor random_upstream(const Tensor& out) {
  Tensor upstream(out.shape(), out.dtype());
  Generator generator(7);
  visit_floating(upstream.dtype(), [&]<class F>(Type<F>) {
    fill_uniform(upstream.mutable_data<F>(), upstream.numel(), F(0.5), F(1.5), generator);
  });
  return to(upstream, out.device());
}

// The value of f, and its gradients for the inputs that are `differentiable`.
template <class Fn> Result result_of(Fn f, std::vector<Tensor> inputs, const std::vector<bool>& differentiable) {
  Result r;
  r.grads.resize(inputs.size());
  std::vector<Tensor> leaves;
  std::vector<size_t> which;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (!differentiable[k]) continue;
    inputs[k] = inputs[k].detach().requires_grad(true);
    leaves.push_back(inputs[k]);
    which.push_back(k);
  }
  try {
    const Tensor out = f(inputs);
    r.value = out.to_vector();
    if (leaves.empty() || !out.requires_grad() || out.numel() == 0) return r;
    const std::vector<Tensor> grads = grad({out}, leaves, {random_upstream(out)});
    for (size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined()) continue;
      if (!(grads[i].device() == leaves[i].device()))
        r.error = fmt::format("gradient {} lies on another device", which[i]);
      r.grads[which[i]] = grads[i].to_vector();
    }
  } catch (const Error& e) { r.error = e.what(); }
  return r;
}

class Comparison {
 public:
  Comparison(DeviceAgreement& to, double tolerance, std::string where)
      : to_(to), tolerance_(tolerance), where_(std::move(where)) {}

  void add(const Result& device, const Result& host) {
    ++to_.cases;
    if (device.error != host.error) return fail(fmt::format("error '{}' instead of '{}'", device.error, host.error));
    add("value", device.value, host.value);
    for (size_t k = 0; k < host.grads.size(); ++k) add(fmt::format("gradient {}", k), device.grads[k], host.grads[k]);
  }

 private:
  void add(const std::string& what, const std::vector<double>& got, const std::vector<double>& want) {
    if (got.size() != want.size())
      return fail(fmt::format("{} has {} numbers instead of {}", what, got.size(), want.size()));
    double largest = 1;
    for (double w : want)
      if (std::isfinite(w)) largest = std::max(largest, std::abs(w));
    for (size_t i = 0; i < got.size(); ++i) {
      if (got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
      const double off = std::abs(got[i] - want[i]) / largest;
      if (!(off <= tolerance_))
        return fail(fmt::format("{}[{}] is {:.17g} instead of {:.17g}", what, i, got[i], want[i]));
      to_.worst = std::max(to_.worst, off);
    }
  }
  void fail(const std::string& what) { to_.failures.push_back(where_ + ": " + what); }

  DeviceAgreement& to_;
  double tolerance_;
  std::string where_;
};

double tolerance_of(Dtype dtype) { return dtype == Dtype::float64 ? 1e-10 : 1e-5; }
constexpr Dtype dtypes[] = {Dtype::float64, Dtype::float32};

// On the device, as strided as it was.
Tensor moved(const Tensor& t, Device device) {
  if (!t.defined() || t.is_contiguous()) return t.defined() ? to(t.detach(), device) : t;
  Tensor view = Tensor({4 * t.numel() + 4}, t.dtype(), device).alias(t.shape(), t.strides());
  copy_elements(t, view);
  return view;
}
// With its dimensions in reversed order and gaps between.
Tensor strided(const Tensor& t) {
  if (!t.defined() || t.rank() == 0) return t;
  Shape strides = t.shape();
  int64_t step = 2;
  for (int d = 0; d < t.rank(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(1, t.shape()[d]);
  }
  Tensor view = Tensor({step}, t.dtype()).alias(t.shape(), strides);
  copy_elements(t, view);
  return view;
}

// ---- losses -------------------------------------------------------------------------------------

constexpr Reduction reductions[] = {Reduction::none, Reduction::sum, Reduction::mean, Reduction::batchmean,
                                    Reduction::mean_active};

std::vector<Plan> plans_of(const LossPoint& point, const LossVariant& variant, Dtype dtype) {
  const int rank = std::max(point.least_rank(), 2);
  std::vector<Plan> plans = {{.style = Style::smooth, .space = space_of(point, rank, 5, 40), .dtype = dtype}};
  if (variant.name != "defaults") return plans;
  plans.push_back({.style = Style::ties, .space = space_of(point, rank, 3, 20), .strided = true, .dtype = dtype});
  plans.push_back(
      {.style = Style::smooth, .space = space_of(point, rank + 1, 4, 9), .broadcast = true, .dtype = dtype});
  plans.push_back({.space = space_of(point, rank, 9, 33), .tensors = false, .defaults = true, .dtype = dtype});
  if (point.entry().fold && dtype == Dtype::float64)  // rows that kernels cut into parts
    plans.push_back({.style = Style::smooth, .space = space_of(point, rank, 2, 17000), .dtype = dtype});
  return plans;
}

// Is there such a point?  A space may be too small for the loss's options.
bool drawn(LossPoint& point, const Plan& plan, Generator& generator) {
  try {
    return draw_finite(point, plan, generator);
  } catch (const ParamError&) { return false; }
}

}  // namespace

DeviceAgreement agreement(const LossEntry& loss, Device device) {
  DeviceAgreement a;
  a.name = loss.about->name;
  Generator generator(1);
  for (const LossVariant& variant : variants_of(loss, 3)) {
    LossPoint point(loss, variant);
    for (const Dtype dtype : dtypes)
      for (const Plan& plan : plans_of(point, variant, dtype)) {
        if (!drawn(point, plan, generator)) continue;
        std::vector<Tensor> here, there;
        std::vector<bool> differentiable;
        for (size_t k = 0; k < point.inputs.size(); ++k) {
          const Tensor& t = point.inputs[k];
          here.push_back(plan.strided ? strided(t) : t);
          there.push_back(moved(here.back(), device));
          differentiable.push_back(t.defined() && point.facts(int(k)).differentiable && computes(t.dtype()));
        }
        for (const Reduction reduction : reductions) {
          const auto value = [&](const std::vector<Tensor>& inputs) { return point.value(inputs, reduction); };
          Comparison(a, tolerance_of(dtype),
                     fmt::format("{}, {}, {}", variant.name, to_string(plan), name_of(reduction)))
              .add(result_of(value, there, differentiable), result_of(value, here, differentiable));
        }
      }
  }
  return a;
}

DeviceAgreement agreement(const OpEntry& op, Device device) {
  DeviceAgreement a;
  a.name = op.name;
  for (size_t i = 0; i < op.cases.size(); ++i) {
    const OpCase& c = op.cases[i];
    if (c.shapes.empty()) continue;
    for (const Dtype dtype : dtypes)
      for (const Layout layout : {Layout::dense, Layout::reversed, Layout::spaced}) {
        const std::vector<Tensor> here = OpSample::drawn(c, 3).leaves(dtype, layout);
        std::vector<Tensor> there;
        for (const Tensor& t : here) there.push_back(moved(t, device));
        const std::vector<bool> all(here.size(), true);
        Comparison(a, tolerance_of(dtype), fmt::format("case {}, {}", i, name_of(dtype)))
            .add(result_of(c.call, there, all), result_of(c.call, here, all));
      }
  }
  return a;
}

std::string to_string(const DeviceAgreement& a) {
  std::string text = fmt::format("{:<36} {:>5} points, worst {:.1e}{}\n", a.name, a.cases, a.worst,
                                 a.failures.empty() ? "" : "  DIFFERS");
  for (const std::string& f : a.failures) text += fmt::format("  FAILED {}\n", f);
  return text;
}

}  // namespace gradus
