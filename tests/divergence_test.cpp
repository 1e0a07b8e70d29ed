// What is said of a training step that leaves the finite numbers, and that such a step can be undone.
#include "gradus/cli/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gradus/autograd/engine.h"
#include "gradus/nn/norm.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"

namespace gradus {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Divergence, EveryNumberThatIsNotFiniteIsSeen) {
  for (const Dtype dtype : {Dtype::float32, Dtype::float64})
    for (const double bad : {infinity, -infinity, std::nan("")})
      for (const int64_t at : {0, 7, 8, 36}) {
        Tensor t = full({37}, dtype == Dtype::float32 ? 3e38 : 1e308, dtype);
        EXPECT_TRUE(is_finite(t)) << "the largest numbers are finite";
        t.set({at}, bad);
        EXPECT_FALSE(is_finite(t)) << bad << " at " << at;
      }
  EXPECT_TRUE(is_finite(zeros({0})));
  EXPECT_TRUE(is_finite(full({}, -1e-310, Dtype::float64)));
}

TEST(Divergence, GradientsAreLookedAtWhereThereAreAny) {
  Tensor a = tensor({4, 0}, Dtype::float64).requires_grad(true), b = ones({2}, Dtype::float64).requires_grad(true);
  const NamedTensors parameters = {{"a", a}, {"b", b}};
  EXPECT_TRUE(finite_gradients(parameters)) << "there are none";
  backward(sum(b * 2.0));
  EXPECT_TRUE(finite_gradients(parameters));
  backward(sum(sqrt(a)));
  EXPECT_FALSE(finite_gradients(parameters)) << "the slope of a root at 0";
}

TEST(Divergence, TheOpOrTheParameterIsNamed) {
  Tensor a = tensor({4, 0}, Dtype::float64).requires_grad(true);
  EXPECT_EQ(origin_of({{"a", a}}, [&] { return sum(log(a) * 2.0); }),
            "forward of log: its output of shape (2) is infinite at element 1; look at what log was given");
  EXPECT_EQ(origin_of({{"a", a}}, [&] { return sum(sqrt(a)); }),
            "backward of sqrt: the gradient of its input 0 is infinite at element 1; look at what the forward sqrt was "
            "given");
  EXPECT_EQ(origin_of({{"a", a}}, [&] { return sum(a); }), "");
  Tensor w = full({2}, infinity).requires_grad(true);
  EXPECT_EQ(origin_of({{"a", a}, {"hidden.weight", w}}, [&] { return sum(a); }),
            "the parameter hidden.weight was no longer finite before it");
  EXPECT_FALSE(anomaly_mode()) << "only for the search";
}

TEST(Divergence, AStepIsUndone) {
  BatchNorm2d norm(2);
  Generator own(3);
  const Tensor x = randn({4, 2, 3, 3}, Dtype::float32, own);
  norm(x);
  const auto state = [&] {
    std::vector<std::vector<double>> all;
    for (const auto& [name, t] : norm.named_buffers()) all.push_back(t.to_vector());
    return all;
  };
  const auto before = state();
  const Generator::State of_own = own.state(), of_process = default_generator().state();
  StepStart start(norm, &own);
  norm(x);
  randn({2}, Dtype::float32, own);
  randn({2});
  ASSERT_NE(state(), before);
  start.restore();
  EXPECT_EQ(state(), before);
  EXPECT_EQ(own.state(), of_own);
  EXPECT_EQ(default_generator().state(), of_process);
}

}  // namespace
}  // namespace gradus
