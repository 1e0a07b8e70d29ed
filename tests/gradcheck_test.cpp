// gradcheck: right gradients pass, and each class of wrong one fails under its own name.
#include "gradus/autograd/gradcheck.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/autograd/ridders.h"
#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/gradient.h"

namespace {

using namespace gradus;

Tensor leaf(const std::vector<double>& values, const Shape& shape) {
  return tensor(values, shape, Dtype::float64).requires_grad(true);
}
Tensor two_by_three() { return leaf({1, 2, -3, 0.5, 0.25, 1}, {2, 3}); }
Tensor another() { return leaf({0.3, -0.4, 0.5, 1, 2, 3}, {2, 3}); }

// a² b, with a backward that the test writes: it gets upstream, a, b and fills both gradients.
using Backward = void (*)(const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to);
TensorFunction square_times(Backward backward) {
  return [backward](const std::vector<Tensor>& in) {
    const Tensor &a = in[0], &b = in[1];
    Tensor out;
    {
      NoGrad quiet;
      out = a * a * b;
    }
    if (recording(a, b))
      record("square_times", out, {&a, &b},
             [backward, a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) { backward(g, a(), b(), to); });
    return out;
  };
}
void right(const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
  to[0] = 2.0 * (g * a * b);
  to[1] = g * a * a;
}
std::string diagnosis(Backward backward, const Tensor& a, const Tensor& b) {
  const Report report = gradcheck(square_times(backward), {a, b});
  EXPECT_FALSE(report.ok);
  return report.failure ? report.failure->likely : to_string(report);
}

// The derivative of sin at 1 to 50 digits begins 0.54030230586813971740.
TEST(Ridders, ReachesMachinePrecisionAndKnowsItsError) {
  const Extrapolated d = derivative([](double x) { return std::sin(x); }, 1, 0.5);
  EXPECT_NEAR(d.value, 0.54030230586813971740, 1e-13);
  EXPECT_LT(d.error, 1e-11);
  EXPECT_LE(std::abs(d.value - 0.54030230586813971740), 4 * d.error + 1e-14);
}
TEST(Ridders, TellsTheSidesOfAKinkApart) {
  const auto f = [](double x) { return std::abs(x) + std::exp(x); };
  EXPECT_NEAR(one_sided_derivative(f, 0, 0.25).value, 2, 1e-9);
  EXPECT_NEAR(one_sided_derivative(f, 0, -0.25).value, 0, 1e-9);
}
TEST(Ridders, AdmitsWhenThereIsNoDerivative) {
  EXPECT_GT(derivative([](double x) { return std::cbrt(x); }, 0, 0.25).error, 1e-3);
}

TEST(Gradcheck, RightGradientsPassToSecondOrder) {
  expect_gradients([](const std::vector<Tensor>& in) { return in[0] * in[1]; }, {two_by_three(), another()});
  expect_gradients([](const std::vector<Tensor>& in) { return in[0] / in[1]; }, {two_by_three(), another()});
  expect_gradients([](const std::vector<Tensor>& in) { return mean(in[0] * in[0] * in[1]); },
                   {two_by_three(), another()});
  expect_gradients([](const std::vector<Tensor>& in) { return matmul(in[0], transpose(in[1], 0, 1)); },
                   {two_by_three(), another()});
  expect_gradients(square_times(right), {two_by_three(), another()});
}

TEST(Gradcheck, ViewsAreCheckedAsTheyLie) {
  const Tensor base = tensor({1, 2, 3, 4, 5, 6}, {3, 2}, Dtype::float64);
  const Tensor view = base.alias({2, 3}, {1, 2}).requires_grad(true);
  ASSERT_FALSE(view.is_contiguous());
  expect_gradients([](const std::vector<Tensor>& in) { return in[0] * in[1]; }, {view, another()});
}

TEST(Gradcheck, InputsWithoutGradientArePassedAlong) {
  const Tensor fixed = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, Dtype::float64);
  const Report report = gradcheck([](const std::vector<Tensor>& in) { return in[0] * in[1]; }, {two_by_three(), fixed});
  EXPECT_TRUE(report.ok) << to_string(report);
  EXPECT_EQ(report.points, 6);
  EXPECT_EQ(report.inputs[1].points, 0);
}

TEST(Gradcheck, AKinkIsCountedAndItsSubgradientMayBeAnywhereBetween) {
  const Report report = gradcheck([](const std::vector<Tensor>& in) { return relu(in[0]); }, {leaf({-1, 0, 2}, {3})});
  EXPECT_TRUE(report.ok) << to_string(report);
  ASSERT_EQ(report.kinks.size(), 1u);
  EXPECT_EQ(report.kinks[0].element, 1);
  EXPECT_EQ(report.points, 2);
}

TEST(Gradcheck, NamesTheClassOfBug) {
  const Tensor a = two_by_three(), b = another();
  const auto of = [&](Backward backward) { return diagnosis(backward, a, b); };
  EXPECT_EQ(
      of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) { right(g, a, b, to), to[0] = -to[0]; }),
      "the sign is wrong");
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to), to[0] = to[0] * 6;
            }),
            "too large by a factor N = 6, the number of elements");
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to), to[1] = to[1] / 3;
            }),
            "too small by a factor 1/N, N = 3, an extent");
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to), to[0] = 2.0 * (a * b);
            }),
            "the upstream gradient is dropped (grad_output is not multiplied in)");
  // Both are off by the same amount, so either may be named as the worst.
  const std::string swapped = of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
    right(g, a, b, to), std::swap(to[0], to[1]);
  });
  EXPECT_TRUE(swapped == "swapped with the gradient of input 0" || swapped == "swapped with the gradient of input 1")
      << swapped;
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to), to[1] = zeros_like(to[1]);
            }),
            "no gradient arrives at all");
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to), to[0] = to[0] * (1 + 1e-6);
            }),
            "off by a factor 1.000001");
  EXPECT_EQ(of([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
              right(g, a, b, to);
              to[0] = reshape(transpose(to[0], 0, 1), {2, 3});
            }),
            "written in transposed order");
}

TEST(Gradcheck, ShowsTheWorstElementAndBothValues) {
  const Report report = gradcheck(square_times([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
                                    right(g, a, b, to);
                                    to[1] = to[1] + tensor({0, 0, 0, 0, 0.5, 0}, {2, 3}, Dtype::float64);
                                  }),
                                  {two_by_three(), another()});
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failures, 1);
  EXPECT_EQ(report.failure->input, 1);
  EXPECT_EQ(text(report.failure->index), "(1,1)");
  EXPECT_NEAR(report.failure->hand - report.failure->expected, 0.5, 1e-9);
  EXPECT_NE(to_string(report).find("1 wrong, the worst is input 1 at (1,1)"), std::string::npos) << to_string(report);
}

TEST(Gradcheck, FindsAWrongSecondDerivative) {
  const Report report = gradcheck(square_times([](const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
                                    to[0] = 2.0 * (g * a * b.detach());  // right in value, blind to b
                                    to[1] = g * a * a;
                                  }),
                                  {two_by_three(), another()}, {.second_order = true});
  ASSERT_TRUE(report.failure) << to_string(report);
  EXPECT_TRUE(report.failure->second_order);
}

TEST(Gradcheck, DoesNotPassWhatItCannotTell) {
  const Tensor noisy = leaf({0.1, 0.2, 0.3}, {3});
  const Report report = gradcheck(
      [](const std::vector<Tensor>& in) {
        Tensor rough = tensor(in[0].to_vector(), in[0].shape(), Dtype::float64);
        for (int64_t i = 0; i < 3; ++i) rough.set({i}, std::sin(1e9 * rough.at({i})));
        return in[0] + rough;
      },
      {noisy});
  EXPECT_FALSE(report.ok);
}

TEST(Gradcheck, StaysWhereTheFunctionIsDefined) {
  const Report report = gradcheck(
      [](const std::vector<Tensor>& in) {
        for (double x : in[0].to_vector())
          if (std::abs(x) > 1.001) throw DomainError("too far");
        return in[0] * in[0];
      },
      {leaf({1, -1, 0.5}, {3})});
  EXPECT_TRUE(report.ok) << to_string(report);
  EXPECT_EQ(report.points, 3);
}

TEST(Gradcheck, ReportsAFunctionThatChangesItsInput) {
  Tensor x = leaf({1, 2}, {2});
  const Report report = gradcheck(
      [](const std::vector<Tensor>& in) {
        NoGrad quiet;
        Tensor same = in[0];
        same.set({0}, 7);
        return in[0] * in[0];
      },
      {x});
  EXPECT_FALSE(report.ok);
  EXPECT_FALSE(report.trouble.empty());
}

TEST(Gradcheck, WantsAnInputToCheck) {
  try {
    gradcheck([](const std::vector<Tensor>& in) { return in[0]; }, {ones({2})});
    FAIL() << "nothing was thrown";
  } catch (const StateError& e) {
    EXPECT_STREQ(
        e.what(),
        "gradcheck: no input is float64 and requires a gradient; call requires_grad(true) on a float64 tensor");
  }
}

}  // namespace
