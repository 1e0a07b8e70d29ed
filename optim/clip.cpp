#include "gradus/optim/clip.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

std::vector<Tensor> gradients_of(const NamedTensors& parameters) {
  std::vector<Tensor> gradients;
  for (const auto& [name, p] : parameters)
    if (const Tensor g = p.grad(); g.defined()) gradients.push_back(dense(g));
  return gradients;
}

// The same by ops, on a device.
double norm_there(const std::vector<Tensor>& gradients, double p) {
  const NoGrad quiet;
  std::vector<Tensor> norms;
  for (const Tensor& g : gradients) norms.push_back(to(norm(g.detach(), p), Dtype::float64));
  return norms.empty() ? 0 : norm(stack(norms), p).item();
}

// term(x) of every element, joined per block and then over the blocks, which are fixed by the size.
template <class Term, class Join> double fold(const Tensor& t, Term term, Join join) {
  const int64_t n = t.numel(), blocks = (n + task_elements - 1) / task_elements;
  std::vector<double> parts(static_cast<size_t>(blocks), 0.0);
  visit_floating(t.dtype(), [&]<class F>(Type<F>) {
    const F* x = t.data<F>();
    parallel_for(blocks, [&](int64_t b) {
      double part = 0;
      for (int64_t i = b * task_elements, end = std::min(n, i + task_elements); i < end; ++i)
        part = join(part, term(double(x[i])));
      parts[size_t(b)] = part;
    });
  });
  double all = 0;
  for (double part : parts) all = join(all, part);
  return all;
}

double larger(double a, double b) { return a > b || std::isnan(a) ? a : b; }  // a NaN stays

// Taken relative to the largest magnitude, so that no power overflows or vanishes.
double norm_of(const std::vector<Tensor>& gradients, double p) {
  if (!gradients.empty() && !on_cpu(gradients[0])) return norm_there(gradients, p);
  double largest = 0;
  for (const Tensor& g : gradients) largest = larger(largest, fold(g, [](double x) { return std::abs(x); }, larger));
  if (std::isinf(p) || !(largest > 0) || std::isinf(largest)) return largest;
  double sum = 0;
  const auto power = [=](double x) {
    return p == 2 ? x / largest * (x / largest) : std::pow(std::abs(x) / largest, p);
  };
  for (const Tensor& g : gradients) sum += fold(g, power, [](double a, double b) { return a + b; });
  return largest * std::pow(sum, 1 / p);
}

// Replaced, not written over: the user may hold a gradient, or have given one to two parameters.
template <class Change> void replace_gradients(const NamedTensors& parameters, Change change) {
  const NoGrad quiet;
  for (const auto& [name, p] : parameters)
    if (const Tensor g = p.grad(); g.defined()) Tensor(p).set_grad(change(g));
}

}  // namespace

double clip_grad_norm(const NamedTensors& parameters, double max_norm, double norm_type, double eps,
                      NonFinite nonfinite) {
  if (!(max_norm >= 0))
    throw ParamError(fmt::format("clip_grad_norm: got max_norm = {}, wanted at least 0; try 1", max_norm));
  if (!(norm_type > 0))
    throw ParamError(
        fmt::format("clip_grad_norm: got norm_type = {}, wanted a number above 0 or infinity; try 2", norm_type));
  if (!(eps >= 0)) throw ParamError(fmt::format("clip_grad_norm: got eps = {}, wanted at least 0; try 1e-6", eps));
  const double norm = norm_of(gradients_of(parameters), norm_type), scale = max_norm / (norm + eps);
  if (!std::isfinite(norm) && nonfinite == NonFinite::error)
    throw DomainError(
        fmt::format("clip_grad_norm: the norm of the gradients is {}, wanted a finite one; look for the op that made "
                    "it with anomaly mode, or skip the step",
                    norm));
  if (!std::isfinite(norm) && nonfinite == NonFinite::skip) {
    replace_gradients(parameters, [](const Tensor& g) { return zeros_like(g); });
    return norm;
  }
  if (!(scale >= 1)) replace_gradients(parameters, [scale](const Tensor& g) { return scaled(g, scale); });
  return norm;
}

void clip_grad_value(const NamedTensors& parameters, double clip_value) {
  if (!(clip_value >= 0))
    throw ParamError(fmt::format("clip_grad_value: got clip_value = {}, wanted at least 0; try 1", clip_value));
  replace_gradients(parameters, [clip_value](const Tensor& g) { return clamp(g, -clip_value, clip_value); });
}

}  // namespace gradus
