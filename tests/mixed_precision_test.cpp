// Products in 16 bits with weights in float32, and the scaler of the loss that keeps small gradients.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "gradus/autograd/engine.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/losses.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/attention.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/precision.h"
#include "gradus/nn/recurrent.h"
#include "gradus/nn/sequential.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/optim/loss_scaler.h"
#include "gradus/optim/sgd.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using Numbers = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();

// The nearest bfloat16, a tie to the even one; by the bits, apart from the library's conversion.
double nearest_bfloat16(double x) {
  const uint32_t bits = std::bit_cast<uint32_t>(float(x)), low = bits & 0xffffu, high = bits & ~0xffffu;
  const bool up = low > 0x8000u || (low == 0x8000u && (high & 0x10000u));
  return double(std::bit_cast<float>(up ? high + 0x10000u : high));
}

TEST(Rounded, KeepsWhatSixteenBitsHold) {
  const Tensor x = tensor({1.00390625, 1.01171875, -3.3, 1e-40, 65520, INFINITY});
  EXPECT_EQ(rounded(x, Dtype::bfloat16).to_vector(),
            (Numbers{1, 1.015625, -3.296875, nearest_bfloat16(1e-40), 65536, infinity}));
  EXPECT_EQ(rounded(x, Dtype::float16).to_vector(),
            (Numbers{1.00390625, 1.01171875, -3.30078125, 0, infinity, infinity}));
  EXPECT_EQ(rounded(x, Dtype::float32).to_vector(), x.to_vector());
  EXPECT_EQ(rounded(x, Dtype::bfloat16).dtype(), Dtype::float32);
}

TEST(Rounded, RoundsItsGradient) {
  Tensor x = tensor({2, 3});
  x.requires_grad(true);
  backward(sum(rounded(x, Dtype::bfloat16) * tensor({1.01171875, -3.3})));
  EXPECT_EQ(x.grad().to_vector(), (Numbers{1.015625, -3.296875}));
}

// Numbers whose products and sums are exact in float32, so that only the rounding to bfloat16 rounds.
Tensor eighths(const Shape& shape, int first) {
  Tensor t(shape, Dtype::float32);
  float* x = t.mutable_data<float>();
  for (int64_t i = 0; i < t.numel(); ++i) x[i] = float((int64_t(first) + i * 2741) % 4001 - 2000) / 8;
  return t;
}

TEST(MixedPrecision, ALinearLayerIsPlainLoopsOfRoundedNumbers) {
  Linear layer(3, 2);
  copy_elements(eighths({2, 3}, 5), layer.weight), copy_elements(eighths({2}, 11), layer.bias);
  layer.compute(Dtype::bfloat16);
  Tensor x = eighths({4, 3}, 17);
  const Tensor g = eighths({4, 2}, 23);
  x.requires_grad(true);
  const Tensor y = layer(x);
  backward(sum(y * g));
  const auto r = nearest_bfloat16;
  const auto at = [&](const Tensor& t, int64_t i, int64_t j) { return r(t.detach().at({i, j})); };
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t o = 0; o < 2; ++o) {
      double expected = r(layer.bias.detach().at({o}));
      for (int64_t i = 0; i < 3; ++i) expected += at(x, n, i) * at(layer.weight, o, i);
      EXPECT_EQ(y.detach().at({n, o}), r(expected));
    }
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t i = 0; i < 3; ++i) {
      double expected = 0;
      for (int64_t o = 0; o < 2; ++o) expected += at(g, n, o) * at(layer.weight, o, i);
      EXPECT_EQ(x.grad().at({n, i}), r(expected));
    }
  for (int64_t o = 0; o < 2; ++o)
    for (int64_t i = 0; i < 3; ++i) {
      double expected = 0;
      for (int64_t n = 0; n < 4; ++n) expected += at(g, n, o) * at(x, n, i);
      EXPECT_EQ(layer.weight.grad().at({o, i}), r(expected));
    }
}

TEST(MixedPrecision, WeightsKeepWhatSixteenBitsWouldLose) {
  Linear layer(1, 1, false);
  fill_elements(layer.weight, 1);
  layer.compute(Dtype::bfloat16);
  SGD sgd(layer.named_parameters(), {.lr = 1e-4});
  for (int i = 0; i < 10; ++i) {
    sgd.zero_grad();
    backward(sum(layer(tensor({{1.0}}))));
    sgd.step();
  }
  EXPECT_NEAR(layer.weight.detach().at({0, 0}), 1 - 10 * 1e-4, 1e-6);
}

TEST(MixedPrecision, ReachesEveryLayerBelow) {
  Generator generator(3);
  Sequential model(Linear(4, 6, true, generator), ReLU(), Linear(6, 2, true, generator));
  const Tensor x = randn({5, 4}, Dtype::float32, generator), exact = model(x);
  model.compute(Dtype::bfloat16);
  const Tensor coarse = model(x);
  for (const double v : coarse.to_vector()) EXPECT_EQ(v, nearest_bfloat16(v));
  EXPECT_NE(coarse.to_vector(), exact.to_vector());
  for (size_t i = 0; i < 10; ++i) EXPECT_NEAR(coarse.to_vector()[i], exact.to_vector()[i], 0.05);
  model.compute(Dtype::float32);
  EXPECT_EQ(model(x).to_vector(), exact.to_vector());

  Conv2d conv(1, 1, 2, {}, true, generator);
  conv.compute(Dtype::float16);
  EXPECT_EQ(conv(tensor({{{{70000, 0}, {0, 0}}}})).to_vector()[0],
            conv.weight.at({0, 0, 0, 0}) > 0 ? infinity : -infinity);
  MultiheadAttention attention(4, 2, {}, generator);
  attention.compute(Dtype::bfloat16);
  for (const double v : attention(randn({3, 1, 4}, Dtype::float32, generator)).to_vector())
    EXPECT_EQ(v, nearest_bfloat16(v));
}

TEST(MixedPrecision, WrongPrecisionsAreRefused) {
  Linear layer(2, 2);
  EXPECT_EQ(error_of<DtypeError>([&] { layer.compute(Dtype::float64); }),
            "Module.compute: got float64, wanted float32, bfloat16 or float16; choose one of those");
  EXPECT_EQ(error_of<DtypeError>([] { rounded(tensor({1.0}), Dtype::int64); }),
            "rounded: got the precision int64, wanted float32, bfloat16 or float16; choose one of those");
  layer.compute(Dtype::bfloat16);
  EXPECT_EQ(error_of<DtypeError>([&] { layer(zeros({1, 2}, Dtype::float64)); }),
            "rounded: got float64, wanted float32 to round to bfloat16; convert it with to(), or the model with "
            "model.to(Dtype::float32)");
}

// ---- the scaler ---------------------------------------------------------------------------------

TEST(LossScaler, KeepsGradientsThatFloat16LosesWithoutIt) {
  Linear layer(1, 1, false);
  fill_elements(layer.weight, 1);
  layer.compute(Dtype::float16);
  const auto loss = [&] { return scaled(sum(layer(tensor({{1.0}}))), 1e-9); };
  backward(loss());
  EXPECT_EQ(layer.weight.grad().at({0, 0}), 0);
  layer.zero_grad();
  LossScaler scaler(layer.named_parameters());
  backward(scaler.scale(loss()));
  EXPECT_TRUE(scaler.unscale());
  EXPECT_NEAR(layer.weight.grad().at({0, 0}), 1e-9, 1e-12);
}

// Sets the gradient to `value`, unscales, and tells the factor afterwards: as torch.cuda.amp.GradScaler moves its
// scale.
struct Steps {
  Tensor p = tensor({1.0}).requires_grad(true);
  LossScaler scaler{{{"p", p}}, {.factor = 1024, .growth = 2, .backoff = 0.5, .growth_interval = 3}};
  double after(double value) {
    p.set_grad(tensor({value}));
    const bool good = scaler.unscale();
    EXPECT_EQ(good, std::isfinite(value));
    return scaler.factor();
  }
};

TEST(LossScaler, GrowsAfterGoodStepsAndShrinksWhereOneOverflows) {
  Steps s;
  EXPECT_EQ(s.after(1024), 1024);
  EXPECT_EQ(s.p.grad().at({0}), 1);
  EXPECT_EQ(s.after(1), 1024);
  EXPECT_EQ(s.after(1), 2048);
  EXPECT_EQ(s.after(INFINITY), 1024);
  EXPECT_EQ(s.after(NAN), 512);
  EXPECT_EQ(s.after(1), 512);
  EXPECT_EQ(s.after(1), 512);
  EXPECT_EQ(s.after(1), 1024);
}

TEST(LossScaler, ItsStateGoesOn) {
  Steps first, second;
  first.after(1), first.after(INFINITY), first.after(1), first.after(1);
  second.scaler.load_state(first.scaler.state());
  EXPECT_EQ(first.after(1), second.after(1));
  EXPECT_EQ(second.scaler.factor(), 1024);
  EXPECT_EQ(error_of<ParamError>([&] { second.scaler.load_state({}); }),
            "LossScaler: load_state found no 'factor'; pass what state() returned");
  const double none = 0;
  const int64_t steps = 0;
  EXPECT_EQ(error_of<ParamError>([&] {
              second.scaler.load_state({{"factor", from_data(&none, {})}, {"good_steps", from_data(&steps, {})}});
            }),
            "LossScaler: load_state got a factor of 0, wanted above 0 and finite; restore another state");
  EXPECT_EQ(second.scaler.factor(), 1024);
}

TEST(LossScaler, WrongOptionsAreRefused) {
  const auto said = [](const LossScalerOptions& options) {
    return error_of<ParamError>([&] { LossScaler({}, options); });
  };
  EXPECT_EQ(said({.factor = 0}), "LossScaler: got factor = 0, wanted a number above 0; leave it at its default");
  EXPECT_EQ(said({.growth = 1}), "LossScaler: got growth = 1, wanted more than 1; leave it at its default");
  EXPECT_EQ(said({.backoff = 1}), "LossScaler: got backoff = 1, wanted above 0 and below 1; leave it at its default");
  EXPECT_EQ(said({.growth_interval = 0}),
            "LossScaler: got growth_interval = 0, wanted at least 1; leave it at its default");
}

TEST(MixedPrecision, ANetworkLearnsInFloat16) {
  Generator generator(9);
  Sequential model(Linear(2, 16, true, generator), Tanh(), Linear(16, 2, true, generator));
  model.compute(Dtype::float16);
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}}), y = tensor({0, 1, 1, 0}, Dtype::int64);
  SGD sgd(model.named_parameters(), {.lr = 0.5, .momentum = 0.9});
  LossScaler scaler(model.named_parameters(), {.factor = 1 << 24});  // too large at first
  int left_out = 0;
  double loss = 0;
  for (int step = 0; step < 120; ++step) {
    const Tensor l = cross_entropy(model(x), y);
    loss = l.item();
    backward(scaler.scale(l));
    if (scaler.unscale()) sgd.step();
    else ++left_out;
    sgd.zero_grad();
  }
  EXPECT_LT(loss, 0.05);
  EXPECT_GT(left_out, 0);
  EXPECT_LT(left_out, 20);
}

}  // namespace
}  // namespace gradus
