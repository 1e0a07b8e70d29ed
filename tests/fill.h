// Numbers that both sides of a comparison with PyTorch can make, so that no weights need be stored: data/fill.py's.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gradus/nn/module.h"

namespace gradus::fill {

/// 1,009 different numbers in [-0.5, 0.5), in an order that depends on k.
inline Tensor pattern(int64_t k, const Shape& shape, Dtype dtype = Dtype::float64) {
  Tensor t(shape, Dtype::float64);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const int64_t u = (31 * (i * i % 1009) + 17 * i + 101 * k) % 1009;
    t.mutable_data<double>()[i] = double(u) / 1009 - 0.5;
  }
  Tensor converted(shape, dtype);
  copy_elements(t, converted);
  return converted;
}

inline void scale(Tensor& t, double factor, double term = 0) {
  for (int64_t i = 0; i < t.numel(); ++i) t.mutable_data<double>()[i] = t.data<double>()[i] * factor + term;
}

/// Entry k of the state is pattern(k), scaled to suit its kind; the model computes in float64 from here on.
inline void weights(Module& model) {
  model.to(Dtype::float64);
  NamedTensors state;
  for (const auto& [name, t] : model.state_dict()) {
    const auto k = int64_t(state.size());
    state.emplace_back(name, t);
    if (name.ends_with("num_batches_tracked")) continue;
    Tensor p = pattern(k, t.shape());
    if (t.rank() > 1) scale(p, 2 * std::sqrt(3 / double(t.numel() / t.shape()[0])));
    else if (name.ends_with("running_var") || name.ends_with("weight")) scale(p, 0.5, 1);
    else scale(p, 0.2);
    state.back().second = p;
  }
  model.load_state_dict(state);
}

inline nlohmann::json reference(const std::string& file) {
  return nlohmann::json::parse(std::ifstream(GRADUS_SOURCE_DIR "/tests/data/" + file));
}

/// t's elements are `wanted`, to 1e-10 of the largest.
inline void expect_values(const Tensor& t, const std::vector<double>& wanted, const std::string& what) {
  ASSERT_EQ(int64_t(wanted.size()), t.numel()) << what;
  double largest = 0;
  for (double v : wanted) largest = std::max(largest, std::abs(v));
  const std::vector<double> got = t.to_vector();
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-10 * largest) << what << " " << i;
}

/// Names, order and shapes of a state.
inline void expect_state(Module& model, const nlohmann::json& wanted, const std::string& what) {
  nlohmann::json got = nlohmann::json::array();
  for (const auto& [name, t] : model.state_dict())
    got.push_back({name, std::vector<int64_t>(t.shape().begin(), t.shape().end())});
  EXPECT_EQ(got, wanted) << what;
}

/// A sum with fixed weights and the norm of t are `wanted`, to 1e-9 of the norm.
inline void expect_fingerprint(const Tensor& t, const nlohmann::json& wanted, const std::string& what) {
  ASSERT_TRUE(t.defined()) << what;
  const Tensor weights = pattern(3000, t.shape());
  const std::vector<double> values = t.to_vector();
  double sum = 0, squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += values[i] * weights.data<double>()[i];
    squares += values[i] * values[i];
  }
  const double norm = wanted[1];
  EXPECT_NEAR(sum, wanted[0].get<double>(), 1e-9 * std::max(norm, 1e-6)) << what;
  EXPECT_NEAR(std::sqrt(squares), norm, 1e-9 * std::max(norm, 1e-6)) << what;
}

/// The gradients of all parameters.
inline void expect_gradients(Module& model, const nlohmann::json& wanted, const std::string& what) {
  for (const auto& [name, t] : model.named_parameters())
    expect_fingerprint(t.grad(), wanted.at(name), what + ": " + name);
}

}  // namespace gradus::fill
