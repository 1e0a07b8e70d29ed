// Modules: names, states, initialisers, and layers against plain loops.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/dropout.h"
#include "gradus/nn/embedding.h"
#include "gradus/nn/flatten.h"
#include "gradus/nn/init.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/models.h"
#include "gradus/nn/norm.h"
#include "gradus/nn/pooling.h"
#include "gradus/nn/unit_sphere.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

std::vector<std::string> names_of(const NamedTensors& list) {
  std::vector<std::string> names;
  for (const auto& [name, t] : list) names.push_back(name);
  return names;
}

struct Net : Module {
  Linear hidden, output;
  explicit Net(Generator& generator) : hidden(3, 4, true, generator), output(4, 2, false, generator) {}
  Tensor forward(const Tensor& x) override { return output(relu(hidden(x))); }
  void parts(Parts& p) override { p.module("hidden", hidden).module("output", output); }
};

TEST(Nn, ParametersAreNamedByTheirPlace) {
  Generator generator(1);
  Net net(generator);
  EXPECT_EQ(names_of(net.named_parameters()),
            (std::vector<std::string>{"hidden.weight", "hidden.bias", "output.weight"}));
  EXPECT_EQ(net.parameter_count(), 12 + 4 + 8);
  Sequential model(Conv2d(1, 2, 3), BatchNorm2d(2), ReLU(), Flatten(), Linear(8, 3));
  EXPECT_EQ(names_of(model.state_dict()),
            (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                                      "1.num_batches_tracked", "4.weight", "4.bias"}));
  EXPECT_EQ(names_of(model.named_buffers()),
            (std::vector<std::string>{"1.running_mean", "1.running_var", "1.num_batches_tracked"}));
}

TEST(Nn, AParameterThatReceivesNoGradientIsNamed) {
  Generator generator(1);
  Net net(generator);
  net.output.weight.requires_grad(false);
  const auto all = std::vector<std::string>{"hidden.weight", "hidden.bias"};
  EXPECT_EQ(net.without_gradient(), all);
  backward(sum(net.hidden.weight));
  EXPECT_EQ(net.without_gradient(), std::vector<std::string>{"hidden.bias"});
  backward(sum(net(ones({2, 3}))));
  EXPECT_EQ(net.without_gradient(), std::vector<std::string>{});
  net.zero_grad();
  EXPECT_EQ(net.without_gradient(), all);
}

TEST(Nn, LinearIsAProductAndABias) {
  Generator generator(2);
  Linear layer(3, 2, true, generator);
  const Tensor x = tensor({{1, 2, 3}, {-1, 0.5, 2}}), y = layer(x);
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t o = 0; o < 2; ++o) {
      double wanted = layer.bias.at({o});
      for (int64_t k = 0; k < 3; ++k) wanted += x.at({i, k}) * layer.weight.at({o, k});
      EXPECT_NEAR(y.at({i, o}), wanted, 1e-6);
    }
  EXPECT_EQ(layer(zeros({2, 5, 3})).shape(), (Shape{2, 5, 2}));
  EXPECT_THROW(layer(zeros({2, 4})), ShapeError);
}

TEST(Nn, LayersStartWithinPyTorchsBounds) {
  Generator generator(3);
  Linear linear(100, 200, true, generator);
  Conv2d conv(4, 32, 5, {.groups = 2}, true, generator);
  const auto check = [](const Tensor& t, double bound) {
    double low = 1e9, high = -1e9, sum = 0;
    for (double v : t.to_vector()) low = std::min(low, v), high = std::max(high, v), sum += v;
    EXPECT_GE(low, -bound);
    EXPECT_LE(high, bound);
    EXPECT_GT(high - low, 1.8 * bound);  // the range is used, not a part of it
    EXPECT_NEAR(sum / double(t.numel()), 0, bound * 4 / std::sqrt(3.0 * double(t.numel())));
  };
  check(linear.weight, 1 / std::sqrt(100.0));
  check(linear.bias, 1 / std::sqrt(100.0));
  check(conv.weight, 1 / std::sqrt(2 * 25.0));
  EXPECT_EQ(conv.weight.shape(), (Shape{32, 2, 5, 5}));
}

TEST(Nn, InitialisersHaveTheSpreadTheyPromise) {
  Generator generator(4);
  const auto moments = [&](auto fill) {
    Tensor t({100, 50, 3, 2}, Dtype::float64);
    fill(t);
    double sum = 0, squares = 0, largest = 0;
    for (double v : t.to_vector()) sum += v, squares += v * v, largest = std::max(largest, std::abs(v));
    EXPECT_NEAR(sum / double(t.numel()), 0, 0.01);
    return std::pair{std::sqrt(squares / double(t.numel())), largest};
  };
  const double fan_in = 300, fan_out = 600;
  const auto near = [](double got, double wanted) { EXPECT_NEAR(got / wanted, 1, 0.02); };
  const auto [spread, largest] = moments([&](Tensor& t) { init::kaiming_uniform(t, 0, generator); });
  near(spread, std::sqrt(2 / fan_in));
  EXPECT_LE(largest, std::sqrt(6 / fan_in));
  near(moments([&](Tensor& t) { init::kaiming_normal(t, 2, generator); }).first, std::sqrt(2 / 5.0 / fan_in));
  near(moments([&](Tensor& t) { init::kaiming_normal(t, 0, generator, init::Fan::out); }).first,
       std::sqrt(2 / fan_out));
  near(moments([&](Tensor& t) { init::xavier_uniform(t, 3, generator); }).first, 3 * std::sqrt(2 / (fan_in + fan_out)));
  near(moments([&](Tensor& t) { init::xavier_normal(t, 1, generator); }).first, std::sqrt(2 / (fan_in + fan_out)));
  near(moments([&](Tensor& t) { init::normal(t, 0, 0.5, generator); }).first, 0.5);
  Tensor bias({3});
  EXPECT_EQ(error_of<ShapeError>([&] { init::kaiming_uniform(bias); }),
            "fans: got shape (3), wanted (outputs, inputs, ...); initialise a bias with uniform()");
}

TEST(Nn, TheSameSeedGivesTheSameWeights) {
  Generator a(7), b(7), c(8);
  Net first(a), second(b), third(c);
  EXPECT_EQ(first.hidden.weight.to_vector(), second.hidden.weight.to_vector());
  EXPECT_NE(first.hidden.weight.to_vector(), third.hidden.weight.to_vector());
  EXPECT_NE(first.hidden.weight.to_vector()[0], first.output.weight.to_vector()[0]);
}

TEST(Nn, AStateMovesToAnotherModel) {  // coverage 1.31
  Generator a(1), b(2);
  Net from(a), to(b);
  const Tensor x = tensor({{1, -2, 3}});
  EXPECT_NE(from(x).to_vector(), to(x).to_vector());
  to.load_state_dict(from.state_dict());
  EXPECT_EQ(from(x).to_vector(), to(x).to_vector());
  from.hidden.bias.detach().set({0}, 100);  // copied, not shared
  EXPECT_NE(from.hidden.bias.at({0}), to.hidden.bias.at({0}));
}

TEST(Nn, AStateThatDoesNotFitIsNamedAndChangesNothing) {  // coverage 1.31
  Generator generator(1);
  Net net(generator);
  const auto before = net.hidden.weight.to_vector();
  NamedTensors state;
  for (const auto& [name, t] : net.state_dict()) state.emplace_back(name, zeros(t.shape()));
  state[1].first = "hidden.biass";
  EXPECT_EQ(
      error_of<ParamError>([&] { net.load_state_dict(state); }),
      "load_state_dict: 'hidden.bias' is missing, 'hidden.biass' is unknown; load the state of a model built alike");
  state[1] = {"hidden.bias", zeros({5})};
  EXPECT_EQ(error_of<ShapeError>([&] { net.load_state_dict(state); }),
            "load_state_dict: 'hidden.bias' has shape (5), wanted (4); load the state of a model built alike");
  state[1] = state[0];
  EXPECT_EQ(
      error_of<ParamError>([&] { net.load_state_dict(state); }),
      "load_state_dict: 'hidden.bias' is missing, 'hidden.weight' comes twice; load the state of a model built alike");
  EXPECT_EQ(net.hidden.weight.to_vector(), before);
}

TEST(Nn, ConvertingTheDtypeKeepsValuesAndTies) {  // coverage 1.31
  Generator generator(1);
  Net net(generator);
  net.output.weight = net.hidden.weight;
  net.hidden.bias.requires_grad(false);
  const auto before = net.hidden.weight.to_vector();
  net.to(Dtype::float64);
  EXPECT_TRUE(net.output.weight.same_storage(net.hidden.weight));
  EXPECT_FALSE(net.hidden.bias.requires_grad());
  EXPECT_EQ(net.hidden.weight.dtype(), Dtype::float64);
  EXPECT_EQ(net.hidden.weight.to_vector(), before);
  backward(sum(net.hidden(tensor({{1, 2, 3}}, Dtype::float64))));
  EXPECT_EQ(net.hidden.weight.grad().dtype(), Dtype::float64);
  EXPECT_EQ(error_of<DtypeError>([&] { net.to(Dtype::int64); }),
            "Module.to: got int64, wanted float32 or float64; convert saved tensors with to() instead");
}

TEST(Nn, TrainAndEvalReachEveryModule) {  // coverage 1.31
  Generator generator(5);
  Sequential model(Linear(2, 2), Dropout(0.5, generator));
  EXPECT_TRUE(model[1].training());
  model.eval();
  EXPECT_FALSE(model[1].training());
  const Tensor x = ones({3, 2});
  EXPECT_EQ(model(x).to_vector(), model[0](x).to_vector());
  model.train();
  EXPECT_TRUE(model[1].training());
}

TEST(Nn, DropoutZeroesAndScales) {
  Generator generator(6);
  Dropout layer(0.25, generator);
  const auto y = layer(ones({20000})).to_vector();
  int64_t zero = 0;
  for (double v : y) {
    if (v == 0) ++zero;
    else ASSERT_FLOAT_EQ(float(v), 1 / 0.75f);
  }
  EXPECT_NEAR(double(zero) / 20000, 0.25, 0.02);
  EXPECT_NE(layer(ones({20000})).to_vector(), y);
  EXPECT_EQ(error_of<ParamError>([] { Dropout(1.5); }),
            "Dropout: got p = 1.5, wanted a probability; choose p in [0, 1]");
}

TEST(Nn, BatchNormNormalisesAndRemembers) {
  BatchNorm2d layer(1, 0.5);
  const Tensor x = tensor({1, 2, 3, 6}, {2, 1, 1, 2});  // mean 3, biased variance 3.5, unbiased 14/3
  const auto y = layer(x).to_vector();
  EXPECT_NEAR(y[3], 3 / std::sqrt(3.5 + 1e-5), 1e-6);
  EXPECT_NEAR(layer.running_mean.item(), 1.5, 1e-6);
  EXPECT_NEAR(layer.running_var.item(), 0.5 + 7.0 / 3, 1e-6);
  EXPECT_EQ(layer.num_batches_tracked.item_integer(), 1);
  layer.eval();
  EXPECT_NEAR(layer(x).to_vector()[0], (1 - 1.5) / std::sqrt(0.5 + 7.0 / 3 + 1e-5), 1e-6);
  EXPECT_EQ(error_of<ShapeError>([&] { layer(ones({2, 1})); }),
            "BatchNorm2d: input has shape (2,1), wanted (N,1,H,W); reshape it");
  EXPECT_EQ(layer.num_batches_tracked.item_integer(), 1);
}

TEST(Nn, LayerNormNormalisesEachSample) {
  LayerNorm layer({2});
  const auto y = layer(tensor({{1, 3}, {10, 30}})).to_vector();
  EXPECT_NEAR(y[0], -1, 1e-5);
  EXPECT_NEAR(y[3], 1, 1e-5);
  EXPECT_EQ(error_of<ParamError>([] { LayerNorm({}); }),
            "LayerNorm: got extents (), wanted at least one and all positive; pass the last dimensions of the input");
}

TEST(Nn, EmbeddingLooksUpRows) {
  Generator generator(8);
  Embedding table(5, 3, 0, generator);
  const Tensor y = table(labels({4, 0, 4}));
  EXPECT_EQ(y.shape(), (Shape{3, 3}));
  EXPECT_EQ(y.at({0, 1}), table.weight.at({4, 1}));
  EXPECT_EQ(y.at({1, 1}), 0);
  backward(sum(y));
  EXPECT_EQ(table.weight.grad().at({4, 0}), 2);
  EXPECT_EQ(table.weight.grad().at({0, 0}), 0);
  EXPECT_EQ(error_of<ParamError>([] { Embedding(5, 3, 5); }),
            "Embedding: padding 5 is outside [0, 5); name a row of the table");
}

TEST(Nn, ModelsHaveTheShapesTheySay) {
  Generator generator(9);
  Sequential perceptron = mlp({64, 16, 10}, generator);
  EXPECT_EQ(perceptron(zeros({3, 1, 8, 8})).shape(), (Shape{3, 10}));
  EXPECT_EQ(perceptron.parameter_count(), 64 * 16 + 16 + 160 + 10);
  for (int64_t size : {4, 8, 15, 16, 28})
    EXPECT_EQ(cnn(1, size, size, 10, generator)(zeros({2, 1, size, size})).shape(), (Shape{2, 10})) << size;
  EXPECT_EQ(error_of<ParamError>([&] { cnn(1, 3, 8, 10, generator); }),
            "cnn: got images of 3x8, wanted at least 4x4; use mlp");
  EXPECT_EQ(error_of<ParamError>([&] { mlp({64}, generator); }),
            "mlp: got 1 widths, wanted at least inputs and outputs; pass {64, 128, 10}");
}

TEST(Nn, WrongLayersAreRefused) {
  EXPECT_EQ(error_of<ParamError>([] { Linear(0, 3); }),
            "Linear: got 0 inputs and 3 outputs, wanted at least one of each; check the widths");
  EXPECT_EQ(error_of<ParamError>([] { Conv2d(3, 4, 3, {.groups = 2}); }),
            "Conv2d: got 3 inputs, 4 outputs, a kernel of (3,3) and 2 groups, wanted positive numbers and groups that "
            "divide both channels; check them");
}

TEST(UnitSphere, RowsHaveLengthOneAndGradientsRunAlongTheSphere) {
  const Tensor x = tensor({{3, 4}, {-1e-3, 0}, {0, 0}}, Dtype::float64).requires_grad(true);
  const Tensor y = unit_length(x), upstream = tensor({{1, 2}, {5, 7}, {0, 0}}, Dtype::float64);
  const std::vector<double> wanted = {0.6, 0.8, -1, 0, 0, 0}, got = y.to_vector();
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-15) << i;
  backward(y, upstream);
  // (g - (g·y) y) / |x|: of (1, 2) at (0.6, 0.8) it is (1 - 2.2 * 0.6, 2 - 2.2 * 0.8) / 5
  const std::vector<double> slope = {-0.064, 0.048, 0, 7000, 0, 0}, found = x.grad().to_vector();
  for (size_t i = 0; i < slope.size(); ++i) EXPECT_NEAR(found[i], slope[i], 1e-9) << i;
  EXPECT_EQ(error_of<ShapeError>([] { unit_length(zeros({3})); }),
            "unit_length: input has shape (3), wanted (N,D); reshape it");
}

TEST(UnitSphere, WhatIsInsideKeepsItsNames) {
  Generator generator(1);
  UnitSphere model(std::make_shared<Sequential>(mlp({4, 3}, generator)));
  EXPECT_EQ(names_of(model.named_parameters()), (std::vector<std::string>{"inner.1.weight", "inner.1.bias"}));
  const Tensor lengths = sum(square(model(ones({2, 4}))), {1});
  EXPECT_NEAR(lengths.at({0}), 1, 1e-6);
}

}  // namespace
}  // namespace gradus
