// Ops of tensors that are named like losses: adaptive softmax against the plain softmax it stands for, the nuclear norm
// against its definition, clipping, and the errors of their declarations.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/gradcheck.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/linear.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/optim/clip.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

Tensor wave(const Shape& shape, double first = 0.3) {
  std::vector<double> values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(std::sin(first + 1.7 * double(i)));
  return tensor(values, shape, Dtype::float64);
}
Tensor whole(std::vector<double> values) { return tensor(values, {int64_t(values.size())}, Dtype::int64); }

// Two classes in the head, clusters {2, 3, 4} and {5, 6} behind it.
LossArguments adaptive(const std::vector<Tensor>& in, const Tensor& target) {
  return {{{"input", in[0]},
           {"target", target},
           {"head_weight", in[1]},
           {"tail_0_0_weight", in[2]},
           {"tail_0_1_weight", in[3]},
           {"tail_1_0_weight", in[4]},
           {"tail_1_1_weight", in[5]},
           {"head_bias", in[6]},
           {"cutoffs", whole({2, 5})}},
          {{"n_classes", 7.0}, {"div_value", 2.0}}};
}
std::vector<Tensor> adaptive_weights() {
  return {wave({5, 4}),      wave({4, 4}, 0.1), wave({2, 4}, 0.7), wave({3, 2}, 1.1),
          wave({1, 4}, 0.2), wave({2, 1}, 2.0), wave({4}, 0.5)};
}

TEST(AdaptiveLogSoftmax, IsTheLogLikelihoodOfItsTree) {
  const std::vector<Tensor> w = adaptive_weights();
  const std::vector<int64_t> labels = {0, 3, 6, 1, 4};
  const Tensor head = log_softmax(matmul(w[0], transpose(w[1], 0, 1)) + w[6], 1);
  const Tensor first = log_softmax(matmul(matmul(w[0], transpose(w[2], 0, 1)), transpose(w[3], 0, 1)), 1);
  const Tensor second = log_softmax(matmul(matmul(w[0], transpose(w[4], 0, 1)), transpose(w[5], 0, 1)), 1);
  double sum = 0;
  for (int64_t r = 0; r < 5; ++r) {
    const int64_t y = labels[size_t(r)];
    if (y < 2) sum -= head.at({r, y});
    else if (y < 5) sum -= head.at({r, 2}) + first.at({r, y - 2});
    else sum -= head.at({r, 3}) + second.at({r, y - 5});
  }
  EXPECT_NEAR(evaluate(loss_named("adaptive_log_softmax_with_loss"), adaptive(w, whole({0, 3, 6, 1, 4}))).item(),
              sum / 5, 1e-14);
}

TEST(AdaptiveLogSoftmax, HasTheGradientOfItsValue) {
  std::vector<Tensor> w = adaptive_weights();
  for (Tensor& t : w) t.requires_grad(true);
  const auto loss = [](const std::vector<Tensor>& in) {
    return evaluate(loss_named("adaptive_log_softmax_with_loss"), adaptive(in, whole({0, 3, 6, 1, 4})));
  };
  const Report report = gradcheck(loss, w, {.second_order = true});
  EXPECT_TRUE(report.ok) << to_string(report);
}

TEST(AdaptiveLogSoftmax, ATailThatNoTargetReachesGetsAGradientOfZeros) {
  std::vector<Tensor> w = adaptive_weights();
  for (Tensor& t : w) t.requires_grad(true);
  evaluate(loss_named("adaptive_log_softmax_with_loss"), adaptive(w, whole({0, 1, 0, 1, 0}))).backward();
  EXPECT_EQ(w[3].grad().to_vector(), std::vector<double>(6, 0.0));
}

TEST(AdaptiveLogSoftmax, SaysWhatItWanted) {
  const std::vector<Tensor> w = adaptive_weights();
  const LossEntry& loss = loss_named("adaptive_log_softmax_with_loss");
  EXPECT_EQ(error_of([&] { evaluate(loss, adaptive(w, whole({0, 3, 7, 1, 4}))); }),
            "adaptive_log_softmax_with_loss: label 7 at row 2 is outside [0, 7)");
  LossArguments wrong = adaptive(w, whole({0, 1, 2, 3, 4}));
  wrong.inputs.back().second = whole({5, 2});
  EXPECT_EQ(error_of([&] { evaluate(loss, wrong); }),
            "adaptive_log_softmax_with_loss: cutoff 1 is 2, wanted increasing numbers from 1 to n_classes - 1 = 6");
}

TEST(NuclearNorm, IsTheTraceOfTheRootOfTheGramMatrix) {
  // Of a 2×2 matrix a: (s1 + s2)² = |a|² + 2 |det a|.
  for (double first : {0.1, 0.9, 2.3}) {
    const Tensor a = wave({2, 2}, first), zero = zeros({2, 2}, Dtype::float64);
    const double squares = sum(square(a)).item(), det = a.at({0, 0}) * a.at({1, 1}) - a.at({0, 1}) * a.at({1, 0});
    EXPECT_NEAR(evaluate(loss_named("nuclear_norm_loss"), {{{"input", a}, {"target", zero}}, {}}).item(),
                std::sqrt(squares + 2 * std::abs(det)), 1e-14);
  }
}

TEST(NuclearNorm, OfARankOneMatrixHasAFiniteGradient) {
  Tensor a = ones({2, 4}, Dtype::float64).requires_grad(true);
  evaluate(loss_named("nuclear_norm_loss"), {{{"input", a}, {"target", zeros({2, 4}, Dtype::float64)}}, {}}).backward();
  for (double g : a.grad().to_vector()) EXPECT_NEAR(g, 1 / std::sqrt(8.0), 1e-14);  // u vᵀ
}

TEST(ClipGradNorm, MayRefuseOrSkipWhatIsNotFinite) {
  Tensor p = zeros({2}, Dtype::float64).requires_grad(true);
  p.set_grad(tensor({1, std::nan("")}, {2}, Dtype::float64));
  EXPECT_EQ(error_of([&] { clip_grad_norm({{"p", p}}, 1, 2, 1e-6, NonFinite::error); }),
            "clip_grad_norm: the norm of the gradients is nan, wanted a finite one; look for the op that made it with "
            "anomaly mode, or skip the step");
  EXPECT_EQ(p.grad().to_vector()[0], 1);
  clip_grad_norm({{"p", p}}, 1, 2, 1e-6, NonFinite::skip);
  EXPECT_EQ(p.grad().to_vector(), (std::vector<double>{0, 0}));
}

TEST(Compositions, CheckWhatTheyDeclare) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of([&] { evaluate(loss_named("softmax"), {{{"input", zeros({3}, Dtype::int64)}}, {}}); }),
            "softmax: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(
      error_of([&] { evaluate(loss_named("nuclear_norm_loss"), {{{"input", x}, {"target", zeros({2, 4})}}, {}}); }),
      "nuclear_norm_loss: target has shape (2,4), wanted (…,R,C) with C = 3 as input of shape (2,3) has");
  EXPECT_EQ(error_of([&] {
              evaluate(loss_named("softmax"), {{{"input", x}}, {{"reduction", "sum"}}});
            }).rfind("softmax: there is no parameter 'reduction'", 0),
            0u);
  EXPECT_EQ(error_of([&] { evaluate(loss_named("smooth_labels"), {{{"input", x}}, {{"epsilon", 1.5}}}); }),
            "smooth_labels: epsilon is 1.5, wanted a value in [0, 1]");
}

}  // namespace
}  // namespace gradus
