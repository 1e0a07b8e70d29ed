// The descent that tests/data/make_optimizer_reference.py made with PyTorch: start, gradients, and where it ended.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "gradus/core/tensor.h"

namespace gradus::trajectory {

inline Tensor start(int64_t n, Dtype dtype = Dtype::float64) {
  Tensor p(Shape{n}, dtype);
  for (int64_t i = 0; i < n; ++i) p.set({i}, double((i * 37) % 101) / 50 - 1);
  return p.requires_grad(true);
}

inline Tensor gradient(const Tensor& p, int step) {
  Tensor g(p.shape(), p.dtype());
  for (int64_t i = 0; i < p.numel(); ++i) {
    const double steepness = 1 + double(i % 7) / 3, centre = double((i * 11) % 17) / 8 - 1;
    g.set({i}, steepness * (p.at({i}) - centre) * (1 + double((step * 13) % 7) / 7));
  }
  return g;
}

inline nlohmann::json reference(const std::string& file) {
  return nlohmann::json::parse(std::ifstream(GRADUS_SOURCE_DIR "/tests/data/" + file));
}

// p and q are where `wanted` says, to 1e-12.
inline void expect_at(const nlohmann::json& wanted, const std::string& name, const Tensor& p, const Tensor& q) {
  for (const auto& [key, t] : {std::pair{"p", p}, std::pair{"q", q}}) {
    const std::vector<double> values = wanted.at(key);
    ASSERT_EQ(int64_t(values.size()), t.numel());
    for (int64_t i = 0; i < t.numel(); ++i)
      EXPECT_NEAR(t.at({i}), values[size_t(i)], 1e-12) << name << " " << key << " " << i;
  }
}

}  // namespace gradus::trajectory
