// The cases of tests/data/{elementwise,reduce,softmax}.json, written by make_ops.py from PyTorch, and how ops are held
// against them.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"

namespace gradus::op_reference {

using Numbers = std::vector<double>;
using NamedOps = std::map<std::string, std::function<Tensor(const std::vector<Tensor>&, const Numbers&)>>;

inline double number(const nlohmann::json& v) {
  return v.is_string() ? std::stod(v.get<std::string>()) : v.get<double>();
}
inline Numbers numbers(const nlohmann::json& list) {
  Numbers out;
  for (const auto& v : list) out.push_back(number(v));
  return out;
}
inline Tensor read_tensor(const nlohmann::json& t, Dtype dtype) {
  const auto shape = t.at("shape").get<std::vector<int64_t>>();
  return tensor(numbers(t.at("values")), Shape(shape.data(), shape.data() + shape.size()), dtype);
}

// NaN where NaN is expected, the same infinity, otherwise close; and of the same shape.
inline void expect_close(const Tensor& got, const nlohmann::json& expected, double tolerance, const std::string& what) {
  EXPECT_EQ(text(got.shape()), text(read_tensor(expected, Dtype::float64).shape())) << what;
  const Numbers a = got.to_vector(), b = numbers(expected.at("values"));
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i]) || std::isinf(b[i]))
      EXPECT_TRUE(std::isnan(b[i]) ? std::isnan(a[i]) : a[i] == b[i])
          << what << ", element " << i << ": " << a[i] << " for " << b[i];
    else EXPECT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << what << ", element " << i;
  }
}

// Every case's value and gradients.  A gradient at a NaN input says nothing, and is passed over where `nan_gradients`
// is off.
inline void check_file(const std::string& name, const NamedOps& ops, bool nan_gradients) {
  std::ifstream file(std::string(GRADUS_SOURCE_DIR) + "/tests/data/" + name);
  ASSERT_TRUE(file) << name;
  std::map<std::string, int> checked;
  for (const auto& c : nlohmann::json::parse(file)) {
    const std::string op = c.at("op"), dtype_name = c.at("dtype");
    const Dtype dtype = dtype_name == "float32" ? Dtype::float32 : Dtype::float64;
    const double tolerance = dtype == Dtype::float32 ? 3e-6 : 1e-13;
    const std::string what = op + " " + c.at("numbers").dump() + " " + dtype_name;
    ASSERT_TRUE(ops.count(op)) << op;
    std::vector<Tensor> inputs;
    for (const auto& t : c.at("inputs")) inputs.push_back(read_tensor(t, dtype).requires_grad(true));
    const Tensor out = ops.at(op)(inputs, numbers(c.at("numbers")));
    expect_close(out, c.at("output"), tolerance, what);
    ++checked[op];
    if (!c.contains("grads")) continue;
    const auto grads = grad({out}, inputs, {read_tensor(c.at("seed"), dtype)});
    for (size_t k = 0; k < inputs.size(); ++k) {
      nlohmann::json expected = c.at("grads").at(k);
      if (expected.is_null()) continue;
      Tensor got = grads[k].clone();
      for (size_t i = 0; !nan_gradients && i < expected["values"].size(); ++i) {
        bool nan = false;
        for (const auto& t : c.at("inputs"))
          nan |= t.at("values").size() == expected["values"].size() && std::isnan(number(t.at("values").at(i)));
        if (!nan) continue;
        expected["values"][i] = 0;
        dtype == Dtype::float32 ? void(got.mutable_data<float>()[i] = 0) : void(got.mutable_data<double>()[i] = 0);
      }
      expect_close(got, expected, 4 * tolerance, what + ", gradient " + std::to_string(k));
    }
  }
  for (const auto& [op, f] : ops) EXPECT_GT(checked[op], 0) << op << " has no case";
}

}  // namespace gradus::op_reference
