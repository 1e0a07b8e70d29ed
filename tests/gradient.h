// expect_gradients: one line to test the gradient of an op.
#pragma once
#include <gtest/gtest.h>

#include "gradus/autograd/gradcheck.h"

namespace gradus {

// Fails the running test unless the gradients of f, to second order, are those of the differences.  Inputs that are
// float64 and require a gradient are checked; choose values away from poles, and ties only where both sides exist.
//
//   expect_gradients([](const std::vector<Tensor>& in) { return in[0] * in[1]; }, {x, y});
inline void expect_gradients(const TensorFunction& f, const std::vector<Tensor>& inputs, bool second_order = true) {
  const Report report = gradcheck(f, inputs, {.second_order = second_order});
  EXPECT_TRUE(report.ok) << to_string(report);
}

}  // namespace gradus
