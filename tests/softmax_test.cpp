// Softmax: values and gradients against PyTorch, along dense rows and across them.
#include <gtest/gtest.h>

#include "gradus/core/error.h"
#include "gradus/ops/math.h"
#include "gradus/ops/softmax.h"
#include "gradus/tests/op_check.h"
#include "gradus/tests/op_reference.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

TEST(Softmax, AgreesWithPyTorch) {
  const op_reference::NamedOps ops = {
      {"softmax",
       [](const std::vector<Tensor>& x, const op_reference::Numbers& n) { return softmax(x[0], int64_t(n[0])); }},
      {"log_softmax",
       [](const std::vector<Tensor>& x, const op_reference::Numbers& n) { return log_softmax(x[0], int64_t(n[0])); }},
  };
  op_reference::check_file("softmax.json", ops, true);
}

// A plain loop, for rows and columns around the width of a pack.
TEST(Softmax, EveryWidthAgreesWithALoop) {
  for (int64_t n : {1, 7, 16, 17, 40})
    for (int64_t inner : {1, 2, 15, 16, 33}) {
      const Tensor x = op_check::random_tensor({2, n, inner}, uint64_t(n), Dtype::float32);
      const std::vector<double> v = x.to_vector(), y = softmax(x, 1).to_vector(), l = log_softmax(x, 1).to_vector();
      for (int64_t o = 0; o < 2; ++o)
        for (int64_t i = 0; i < inner; ++i) {
          double total = 0;
          for (int64_t k = 0; k < n; ++k) total += std::exp(v[size_t((o * n + k) * inner + i)]);
          for (int64_t k = 0; k < n; ++k) {
            const size_t at = size_t((o * n + k) * inner + i);
            ASSERT_NEAR(y[at], std::exp(v[at]) / total, 3e-7);
            ASSERT_NEAR(l[at], v[at] - std::log(total), 1e-6);
          }
        }
    }
}

TEST(Softmax, ThirdOrder) {  // along one logit against a constant 0, softmax is the sigmoid
  const Tensor x = tensor({0.5, 0}, {2}, Dtype::float64).requires_grad(true);
  Tensor y = sum(softmax(x, 0) * tensor({1, 0}, {2}, Dtype::float64));
  for (int i = 0; i < 3; ++i)
    y = sum(grad({y}, {x}, {}, {.create_graph = true})[0] * tensor({1, 0}, {2}, Dtype::float64));
  const double s = 1 / (1 + std::exp(-0.5));
  EXPECT_NEAR(y.item(), s * (1 - s) * (1 - 6 * s + 6 * s * s), 1e-14);
}

TEST(Softmax, Errors) {
  EXPECT_EQ(error_of<IndexError>([] { softmax(zeros({2, 3}), 2); }),
            "softmax: dim is 2, a tensor of 2 dimensions wants one in [-2, 2)");
  EXPECT_EQ(error_of<DtypeError>([] { log_softmax(labels({1}), 0); }),
            "log_softmax: got int64, wanted float32 or float64; convert it with to()");
}

}  // namespace
}  // namespace gradus
