// Losses by name with little to write: call("huber_loss", {x, y}, {{"delta", 0.5}}), and the gradients of what comes
// out.
#pragma once
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/autograd/gradcheck.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus::calls {

using Numbers = std::vector<double>;
using Options = std::vector<std::pair<std::string, std::variant<double, std::string>>>;
using Named = std::vector<std::pair<std::string, Tensor>>;

// The required inputs in the loss's order; parameters that are tensors by name.
inline Tensor call(const std::string& name, const std::vector<Tensor>& inputs, const Options& options = {},
                   Named tensors = {}) {
  const LossEntry& entry = loss_named(name);
  Named given;
  for (size_t k = 0; k < inputs.size(); ++k) given.emplace_back(entry.formula(0)->input(int(k))->name, inputs[k]);
  for (auto& t : tensors) given.push_back(std::move(t));
  return evaluate(entry, {std::move(given), options});
}
inline Numbers values(const std::string& name, const std::vector<Tensor>& inputs, Options options = {},
                      Named tensors = {}) {
  options.emplace_back("reduction", "none");
  return call(name, inputs, options, std::move(tensors)).to_vector();
}
// The gradient of the sum of all outputs, dense.
inline Numbers gradient(const Tensor& output, const Tensor& input) {
  const Tensor g = grad({output}, {input}, {ones_like(output)}, {.retain_graph = true})[0];
  return g.defined() ? g.to_vector() : Numbers(size_t(input.numel()), 0.0);
}

// The gradient of the sum with respect to the first input.
inline Numbers slopes(const std::string& name, const Tensor& x, const Tensor& y, Options options = {},
                      Named tensors = {}) {
  options.emplace_back("reduction", "sum");
  return gradient(call(name, {x, y}, options, std::move(tensors)), x);
}
inline double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
inline double logit_of(double p) { return std::log(p / (1 - p)); }

inline Tensor doubles(const Numbers& values, const Shape& shape) { return tensor(values, shape, Dtype::float64); }
inline Tensor doubles(const Numbers& values) { return doubles(values, {int64_t(values.size())}); }
inline Tensor leaf(const Numbers& values, const Shape& shape) { return doubles(values, shape).requires_grad(true); }
inline Tensor leaf(const Numbers& values) { return leaf(values, {int64_t(values.size())}); }
inline Tensor classes(const Numbers& values, const Shape& shape) { return tensor(values, shape, Dtype::int64); }
inline Tensor classes(const Numbers& values) { return classes(values, {int64_t(values.size())}); }

inline Numbers uniform(int64_t n, uint64_t seed, double low = -1, double high = 1) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> draw(low, high);
  Numbers v(static_cast<size_t>(n));
  for (double& x : v) x = draw(engine);
  return v;
}
// Rows of `width` positive numbers whose sum is 1.
inline Numbers distributions(int64_t rows, int64_t width, uint64_t seed) {
  Numbers p = uniform(rows * width, seed, 0.05, 1);
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) sum += p[size_t(r * width + c)];
    for (int64_t c = 0; c < width; ++c) p[size_t(r * width + c)] /= sum;
  }
  return p;
}
inline double total(const Numbers& v) {
  double s = 0;
  for (double x : v) s += x;
  return s;
}
// The largest difference; infinity where the lengths differ or one is NaN.
inline double apart(const Numbers& a, const Numbers& b) {
  if (a.size() != b.size()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= most)) most = std::isnan(d) ? INFINITY : d;
  }
  return most;
}
inline Numbers times(Numbers v, double factor) {
  for (double& x : v) x *= factor;
  return v;
}

// A gradient check's reach for inputs of which number k may only take values in [0, 1].
inline std::function<Reach(const std::vector<Tensor>&)> within_unit(const Tensor& x, size_t k = 0) {
  return [at = x.to_vector(), k](const std::vector<Tensor>& direction) {
    Reach reach;
    if (!direction[k].defined()) return reach;
    const Numbers d = direction[k].to_vector();
    for (size_t i = 0; i < d.size(); ++i) {
      if (d[i] == 0) continue;
      const double to_zero = at[i] / std::abs(d[i]), to_one = (1 - at[i]) / std::abs(d[i]);
      reach.up = std::min(reach.up, d[i] > 0 ? to_one : to_zero);
      reach.down = std::min(reach.down, d[i] > 0 ? to_zero : to_one);
    }
    return reach;
  };
}

}  // namespace gradus::calls
