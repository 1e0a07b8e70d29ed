// Recurrent layers against PyTorch's with the same weights (data/make_recurrent_reference.py).
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/autograd/node.h"
#include "gradus/nn/recurrent.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/tests/fill.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

constexpr int64_t n = 2, steps = 4, inputs = 3, hidden = 5;

const nlohmann::json& reference() {
  static const nlohmann::json json = fill::reference("recurrent_reference.json");
  return json;
}

Tensor leaf(int64_t k, const Shape& shape) { return fill::pattern(k, shape).requires_grad(true); }

Tensor weighed(const Tensor& t, int64_t k) { return sum(mul(t, fill::pattern(k, t.shape()))); }

void expect_case(const std::string& name, RecurrentLayer& layer, const RecurrentOptions& options, bool given) {
  const nlohmann::json& wanted = reference().at(name);
  fill::expect_state(layer, wanted.at("state"), name);
  fill::weights(layer);
  const Tensor x = leaf(1000, options.batch_first ? Shape{n, steps, inputs} : Shape{steps, n, inputs});
  const int64_t rows = options.num_layers * (options.bidirectional ? 2 : 1);
  const Tensor h = leaf(1001, {rows, n, hidden}), c = leaf(1002, {rows, n, hidden});
  const bool lstm = name.starts_with("LSTM");
  const Recurrence r = given ? layer.run(x, h, lstm ? c : Tensor()) : layer.run(x);
  fill::expect_values(r.output, wanted.at("output"), name + ": output");
  fill::expect_values(r.hidden, wanted.at("last").at(0), name + ": hidden");
  Tensor loss = weighed(r.output, 2000) + weighed(r.hidden, 2001);
  EXPECT_EQ(r.cell.defined(), lstm);
  if (lstm) {
    fill::expect_values(r.cell, wanted.at("last").at(1), name + ": cell");
    loss = loss + weighed(r.cell, 2002);
  }
  backward(loss);
  fill::expect_gradients(layer, wanted.at("gradients"), name);
  fill::expect_values(x.grad(), wanted.at("input_gradient"), name + ": input gradient");
  if (!given) return;
  fill::expect_values(h.grad(), wanted.at("state_gradients").at(0), name + ": hidden gradient");
  if (lstm) fill::expect_values(c.grad(), wanted.at("state_gradients").at(1), name + ": cell gradient");
}

template <class Layer> void expect_variants(const std::string& kind) {
  const auto expect = [&](const std::string& variant, const RecurrentOptions& options, bool given) {
    Layer layer(inputs, hidden, options);
    expect_case(kind + " " + variant, layer, options, given);
  };
  expect("plain", {}, true);
  expect("no_bias", {.bias = false}, false);
  expect("deep", {.num_layers = 3, .batch_first = true, .bidirectional = true}, true);
  expect("dropped", {.num_layers = 2, .dropout = 1}, false);
}

TEST(Recurrent, RnnIsPyTorchs) {
  expect_variants<RNN>("RNN");
  RNN layer(inputs, hidden, {}, RNN::Nonlinearity::relu);
  expect_case("RNN relu", layer, {}, true);
}
TEST(Recurrent, LstmIsPyTorchs) { expect_variants<LSTM>("LSTM"); }
TEST(Recurrent, GruIsPyTorchs) { expect_variants<GRU>("GRU"); }

TEST(Recurrent, DropoutStandsBetweenLayersAndInTrainingAlone) {
  Generator generator(1);
  GRU layer(inputs, hidden, {.num_layers = 2, .dropout = 0.5}, generator);
  const Tensor x = fill::pattern(1000, {steps, n, inputs}, Dtype::float32);
  EXPECT_NE(layer(x).to_vector(), layer(x).to_vector());
  layer.eval();
  EXPECT_EQ(layer(x).to_vector(), layer(x).to_vector());
  GRU single(inputs, hidden, {.dropout = 0.5}, generator);  // nothing lies between
  EXPECT_EQ(single(x).to_vector(), single(x).to_vector());
}

TEST(Recurrent, WeightsStartWithinPyTorchsBounds) {
  Generator generator(2);
  LSTM layer(30, 25, {}, generator);
  for (const auto& [name, t] : layer.named_parameters()) {
    double largest = 0;
    for (double v : t.to_vector()) largest = std::max(largest, std::abs(v));
    EXPECT_LE(largest, 0.2) << name;
    EXPECT_GT(largest, 0.19) << name;
  }
}

TEST(Recurrent, WhatDoesNotFitIsNamed) {
  LSTM lstm(3, 5);
  GRU gru(3, 5, {.batch_first = true, .bidirectional = true});
  const Tensor x = zeros({4, 2, 3}), state = zeros({1, 2, 5});
  EXPECT_EQ(error_of<ShapeError>([&] { lstm(zeros({2, 3})); }),
            "LSTM: input has shape (2,3), wanted (steps,N,3) with at least one step; reshape it");
  EXPECT_EQ(error_of<ShapeError>([&] { gru(zeros({2, 0, 3})); }),
            "GRU: input has shape (2,0,3), wanted (N,steps,3) with at least one step; reshape it");
  EXPECT_EQ(error_of<ShapeError>([&] { gru.run(x, state); }),
            "GRU: hidden has shape (1,2,5), wanted (2,4,5); pass one row for each layer and direction");
  EXPECT_EQ(error_of<ShapeError>([&] { lstm.run(x, state, zeros({1, 2, 4})); }),
            "LSTM: cell has shape (1,2,4), wanted (1,2,5); pass one row for each layer and direction");
  EXPECT_EQ(error_of<ParamError>([&] { lstm.run(x, state); }),
            "LSTM: got one of hidden and cell, wanted both or none; pass the other one");
  EXPECT_EQ(error_of<ParamError>([&] { RNN(3, 5).run(x, state, state); }),
            "RNN: got a cell, which it does not have, wanted hidden alone; leave it out");
  EXPECT_EQ(error_of<ParamError>([&] { GRU(3, 0); }),
            "GRU: got 3 inputs, 0 hidden units and 1 layers, wanted at least one of each; check the widths");
  EXPECT_EQ(error_of<ParamError>([&] { RNN(3, 5, {.dropout = 1.5}); }),
            "RNN: got dropout = 1.5, wanted a probability; choose it in [0, 1]");
}

}  // namespace
}  // namespace gradus
