// Questions asked of every tensor op: is its gradient right, to second order, for any layout, at any number of threads?
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
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

enum class Layout { dense, reversed, spaced };  // row-major; column-major; every second element, after a gap

// A leaf of these values that lies in memory as asked.
inline Tensor laid_out(const std::vector<double>& values, const Shape& shape, Layout layout) {
  const Tensor from = tensor(values, shape, Dtype::float64);
  if (layout == Layout::dense || shape.rank() == 0) return from;
  Shape strides;
  if (layout == Layout::reversed) {
    int64_t step = 1;
    for (int d = 0; d < shape.rank(); step *= shape[d++]) strides.push_back(step);
  } else {
    strides = dense_strides(shape);
    for (int d = 0; d < shape.rank(); ++d) strides[d] *= 2;
  }
  Tensor out = full({2 * shape.numel() + 3}, std::nan(""), Dtype::float64).alias(shape, strides, 3);
  copy_elements(from, out);
  return out;
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
    for (size_t i = 0; i < count; ++i) inputs.push_back(laid_out(values[i], shapes[i], layout).requires_grad(true));
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
    for (size_t k = 0; k < got.size(); ++k)
      ASSERT_NEAR(got[k], expected[k], 1e-14 * (1 + std::abs(expected[k]))) << "layout " << int(layout);
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

// The value and all gradients in float32 have the same bits for one, two and three threads.
inline void check_threads(const Op& op, const std::vector<Shape>& shapes) {
  const int before = threads();
  std::vector<std::vector<double>> first;
  for (int n = 1; n <= 3; ++n) {
    set_threads(n);
    Inputs inputs;
    for (size_t i = 0; i < shapes.size(); ++i)
      inputs.push_back(random_tensor(shapes[i], 200 + i, Dtype::float32).requires_grad(true));
    const Tensor out = op(inputs);
    const std::vector<Tensor> g = grad({sum(mul(out, random_tensor(out.shape(), 3, Dtype::float32)))}, inputs);
    std::vector<std::vector<double>> all{out.to_vector()};
    for (const Tensor& t : g) all.push_back(t.defined() ? t.to_vector() : std::vector<double>());
    if (n == 1) first = all;
    for (size_t i = 0; i < all.size(); ++i)
      EXPECT_EQ(std::memcmp(all[i].data(), first[i].data(), all[i].size() * sizeof(double)), 0)
          << n << " threads, result " << i;
  }
  set_threads(before);
}

// The text of the error that `call` throws, which must be of this class.
template <class Expected> std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Expected& error) { return error.what(); }
  return "nothing was thrown";
}

}  // namespace gradus::op_check
