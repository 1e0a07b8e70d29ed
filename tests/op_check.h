// Differences of another make than the library's: is the gradient of an op right, to second order, for any layout?
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/op_sample.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus::op_check {

using Inputs = std::vector<Tensor>;
using Op = std::function<Tensor(const Inputs&)>;

inline std::vector<double> random_values(int64_t n, uint64_t seed, double low = -1, double high = 1) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> values(static_cast<size_t>(n));
  for (double& v : values) v = uniform(engine);
  return values;
}

inline Tensor random_tensor(const Shape& shape, uint64_t seed, Dtype dtype = Dtype::float64) {
  return tensor(random_values(shape.numel(), seed), shape, dtype);
}

// d f(x) / d x at 0 by Ridders' extrapolation of central differences.
inline double ridders(const std::function<double(double)>& f, double step) {
  constexpr int most = 6;
  constexpr double shrink = 2.0;
  double table[most][most], best = 0, error = INFINITY;
  for (int i = 0; i < most; ++i, step /= shrink) {
    table[0][i] = (f(step) - f(-step)) / (2 * step);
    double factor = shrink * shrink;
    for (int j = 1; j <= i; ++j, factor *= shrink * shrink) {
      table[j][i] = (table[j - 1][i] * factor - table[j - 1][i - 1]) / (factor - 1);
      const double e = std::max(std::abs(table[j][i] - table[j - 1][i]), std::abs(table[j][i] - table[j - 1][i - 1]));
      if (e <= error) error = e, best = table[j][i];
    }
  }
  return best;
}

// Σ over outputs of random weights times (y + y² / 2): one number to differentiate, whose gradient depends on y.
inline Tensor weighted_sum(const Tensor& y, uint64_t seed) {
  return sum(mul(add(y, scaled(mul(y, y), 0.5)), random_tensor(y.shape(), seed)));
}

struct Options {
  bool second_order = true;
  double tolerance = 1e-8;
  double step = 0.05;  // where Ridders begins: below the distance to the nearest kink or tie
};

// Compares the gradient of `op` in every input, and the gradient of that gradient, with differences; in every layout.
inline void check_gradients_at(const Op& op, const std::vector<Shape>& shapes, std::vector<std::vector<double>> values,
                               Options options = {}) {
  const size_t count = shapes.size();
  const auto leaves = [&](Layout layout) {
    Inputs inputs;
    for (size_t i = 0; i < count; ++i)
      inputs.push_back(in_memory_as(layout, values[i], shapes[i], Dtype::float64).requires_grad(true));
    return inputs;
  };
  const auto gradients = [&](const Inputs& inputs, bool create_graph) {
    std::vector<Tensor> g =
        grad({weighted_sum(op(inputs), 7)}, inputs, {}, {.retain_graph = false, .create_graph = create_graph});
    for (size_t i = 0; i < count; ++i)
      if (!g[i].defined()) g[i] = zeros(shapes[i], Dtype::float64);
    return g;
  };
  const auto second = [&](const std::vector<Tensor>& g) {
    Tensor total;
    for (size_t i = 0; i < count; ++i) {
      const Tensor part = weighted_sum(g[i], 11 + i);
      total = total.defined() ? add(total, part) : part;
    }
    return total;
  };
  const auto along = [&](size_t i, size_t k, const std::function<double()>& f) {
    const double x = values[i][k];
    const double slope = ridders(
        [&](double h) {
          values[i][k] = x + h;
          const double y = f();
          values[i][k] = x;
          return y;
        },
        options.step);
    return slope;
  };
  for (Layout layout : {Layout::dense, Layout::reversed, Layout::spaced}) {
    const Inputs inputs = leaves(layout);
    const std::vector<Tensor> plain = gradients(inputs, false), recorded = gradients(inputs, true);
    std::vector<Tensor> twice;
    const Tensor total = second(recorded);
    if (options.second_order && total.requires_grad()) twice = grad({total}, inputs);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(text(plain[i].shape()), text(shapes[i]));
      const std::vector<double> a = plain[i].to_vector(), b = recorded[i].to_vector();
      const std::vector<double> c =
          !twice.empty() && twice[i].defined() ? twice[i].to_vector() : std::vector<double>(a.size(), 0.0);
      for (size_t k = 0; k < a.size(); ++k) {
        const std::string where =
            "input " + std::to_string(i) + " element " + std::to_string(k) + " layout " + std::to_string(int(layout));
        ASSERT_NEAR(a[k], b[k], 1e-12 * (1 + std::abs(a[k]))) << where << ": plain and recorded backward differ";
        if (layout != Layout::dense) continue;
        const double slope = along(i, k, [&] {
          NoGrad quiet;
          return weighted_sum(op(leaves(layout)), 7).item();
        });
        ASSERT_NEAR(a[k], slope, options.tolerance * (1 + std::abs(slope))) << where;
        if (!options.second_order) continue;
        const double bend = along(i, k, [&] { return second(gradients(leaves(layout), false)).item(); });
        ASSERT_NEAR(c[k], bend, options.tolerance * (1 + std::abs(bend))) << where << ", second order";
      }
    }
    if (layout == Layout::dense) continue;
    const std::vector<double> expected = op(leaves(Layout::dense)).to_vector(), got = op(inputs).to_vector();
    ASSERT_EQ(expected.size(), got.size());
    for (size_t k = 0; k < got.size(); ++k) {
      const double apart = got[k] == expected[k] ? 0 : std::abs(got[k] - expected[k]);  // also infinity may be equal
      ASSERT_LE(apart, 1e-14 * (1 + std::abs(expected[k]))) << "layout " << int(layout);
    }
    const std::vector<Tensor> reference = gradients(leaves(Layout::dense), false);
    for (size_t i = 0; i < count; ++i) {
      const std::vector<double> a = plain[i].to_vector(), b = reference[i].to_vector();
      for (size_t k = 0; k < a.size(); ++k)
        ASSERT_NEAR(a[k], b[k], 1e-12 * (1 + std::abs(b[k]))) << "layout " << int(layout);
    }
  }
}

inline void check_gradients(const Op& op, const std::vector<Shape>& shapes, Options options = {}) {
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < shapes.size(); ++i) values.push_back(random_values(shapes[i].numel(), 100 + i));
  check_gradients_at(op, shapes, values, options);
}

}  // namespace gradus::op_check
