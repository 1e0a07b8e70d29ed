// Attention, the transformer's block and the classifiers of texts against PyTorch's with the same weights
// (data/make_attention_reference.py).
#include "gradus/nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/nn/text_classifier.h"
#include "gradus/nn/transformer.h"
#include "gradus/nn/transformer_classifier.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/tests/fill.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

constexpr int64_t width = 6, heads = 2, n = 2, queries = 3, keys = 4;

const nlohmann::json& reference() {
  static const nlohmann::json json = fill::reference("attention_reference.json");
  return json;
}

Tensor leaf(int64_t k, const Shape& shape) { return fill::pattern(k, shape).requires_grad(true); }

Tensor mask_of(const std::vector<int>& values, const Shape& shape) {
  Tensor mask(shape, Dtype::boolean);
  for (size_t i = 0; i < values.size(); ++i) mask.mutable_data<bool>()[i] = values[i];
  return mask;
}
const Tensor& forbidden() {
  static const Tensor mask = mask_of({0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0}, {queries, keys});
  return mask;
}
const Tensor& padding() {
  static const Tensor mask = mask_of({0, 0, 1, 1, 0, 1, 0, 0}, {n, keys});
  return mask;
}
Tensor forbidden_to_each() {
  const Tensor p = fill::pattern(9, {n * heads, queries, keys});
  Tensor mask(p.shape(), Dtype::boolean);
  for (int64_t i = 0; i < p.numel(); ++i) mask.mutable_data<bool>()[i] = i % keys && p.data<double>()[i] > 0.2;
  return mask;
}

void expect_outputs(const nlohmann::json& wanted, const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                    const std::string& name) {
  Tensor loss = scalar(0, Dtype::float64);
  for (size_t k = 0; k < outputs.size(); ++k) {
    fill::expect_values(outputs[k], wanted.at("outputs").at(k), name + ": output");
    loss = loss + sum(mul(outputs[k], fill::pattern(2000 + int64_t(k), outputs[k].shape())));
  }
  backward(loss);
  for (size_t k = 0; k < inputs.size(); ++k)
    fill::expect_values(inputs[k].grad(), wanted.at("input_gradients").at(k), name + ": input gradient");
}

void expect_attention(const std::string& name, const MultiheadAttentionOptions& options, const AttentionMasks& masks) {
  MultiheadAttention layer(width, heads, options);
  fill::expect_state(layer, reference().at(name).at("state"), name);
  fill::weights(layer);
  std::vector<Tensor> in;
  for (int64_t k = 0; k < 3; ++k) {
    const int64_t steps = k == 0 ? queries : keys;
    in.push_back(fill::pattern(1000 + k, {steps, n, width}));
    if (options.batch_first) in.back() = transpose(in.back(), 0, 1).contiguous();
    in.back().requires_grad(true);
  }
  const MultiheadAttention::Attended y = layer.attend(in[0], in[1], in[2], masks);
  expect_outputs(reference().at(name), {y.output, y.weights}, in, name);
  fill::expect_gradients(layer, reference().at(name).at("gradients"), name);
}

TEST(Attention, MultiheadAttentionIsPyTorchs) {
  expect_attention("plain", {}, {});
  expect_attention("batch_first", {.bias = false, .batch_first = true}, {});
  expect_attention("bool masks", {}, {.key_padding_mask = padding(), .attn_mask = forbidden()});
  expect_attention("float mask", {}, {.key_padding_mask = padding(), .attn_mask = fill::pattern(8, {queries, keys})});
  expect_attention("mask each", {}, {.attn_mask = forbidden_to_each()});
}

TEST(Attention, DotProductsAreSpelledOut) {
  const auto expect = [&](const std::string& name, const AttentionOptions& options) {
    const Tensor q = leaf(1000, {n, 2, queries, 5}), k = leaf(1001, {n, 2, keys, 5}), v = leaf(1002, {n, 2, keys, 5});
    expect_outputs(reference().at(name), {scaled_dot_product_attention(q, k, v, options)}, {q, k, v}, name);
  };
  expect("dot product", {});
  expect("dot product, masked", {.mask = !forbidden()});
  expect("dot product, causal", {.causal = true});
}

TEST(Attention, AQueryThatMayLookNowhereReadsZero) {
  const Tensor q = leaf(1, {2, 3}), k = leaf(2, {2, 3}), v = leaf(3, {2, 3});
  const Tensor y = scaled_dot_product_attention(q, k, v, {.mask = mask_of({0, 0, 1, 0}, {2, 2})});
  EXPECT_EQ(y.at({0, 1}), 0);
  EXPECT_EQ(y.at({1, 1}), v.at({0, 1}));
  backward(sum(y));
  for (const Tensor& t : {q, k, v})
    for (double g : t.grad().to_vector()) EXPECT_TRUE(std::isfinite(g));
  EXPECT_EQ(q.grad().at({0, 0}), 0);
}

TEST(Attention, ScaleAndDropoutAreTheCallers) {
  const Tensor q = fill::pattern(1, {2, 4}), v = fill::pattern(2, {2, 4});
  const auto even = scaled_dot_product_attention(q, q, v, {.scale = 0}).to_vector();
  EXPECT_NEAR(even[0], (v.at({0, 0}) + v.at({1, 0})) / 2, 1e-15);
  EXPECT_EQ(scaled_dot_product_attention(q, q, v, {.dropout = 1}).to_vector(), std::vector<double>(8, 0));
}

TEST(Attention, BiasesStartAtZeroAndTheProjectionByXavier) {
  Generator generator(1);
  MultiheadAttention layer(32, 4, {}, generator);
  for (const auto& [name, t] : layer.named_parameters()) {
    double largest = 0;
    for (double v : t.to_vector()) largest = std::max(largest, std::abs(v));
    const double bound = name == "in_proj_weight"    ? std::sqrt(6.0 / (32 + 96))
                         : name == "out_proj.weight" ? 1 / std::sqrt(32.0)
                                                     : 0;
    EXPECT_LE(largest, bound) << name;
    EXPECT_GE(largest, 0.99 * bound) << name;
  }
}

TEST(Attention, TheTransformersBlockIsPyTorchs) {
  for (const bool gelu : {false, true}) {
    const std::string name = gelu ? "block, gelu" : "block";
    const TransformerOptions options{.feedforward = 7, .dropout = 0, .gelu = gelu};
    TransformerBlock block(width, heads, options);
    fill::expect_state(block, reference().at(name).at("state"), name);
    fill::weights(block);
    const Tensor x = leaf(1000, {queries, n, width});
    expect_outputs(reference().at(name), {block(x), block.run(x, {.causal = true})}, {x}, name);
    fill::expect_gradients(block, reference().at(name).at("gradients"), name);
  }
}

TEST(Attention, ABlockDropsInTrainingAlone) {
  Generator generator(3);
  TransformerBlock block(8, 2, {.feedforward = 16, .dropout = 0.5, .causal = true}, generator);
  const Tensor x = fill::pattern(1, {3, 2, 8}, Dtype::float32);
  EXPECT_NE(block(x).to_vector(), block(x).to_vector());
  block.eval();
  const auto y = block(x).to_vector();
  EXPECT_EQ(block(x).to_vector(), y);
  Tensor changed = x.clone();
  changed.set({2, 0, 0}, 9);  // the last position: causal, so the others do not see it
  const auto z = block(changed).to_vector();
  EXPECT_TRUE(std::equal(y.begin(), y.begin() + 32, z.begin()));
  EXPECT_NE(y[32], z[32]);
}

// Three texts of up to five tokens.
const Tensor tokens = reshape(labels({1, 5, 8, 0, 0, 2, 2, 7, 3, 1, 4, 0, 0, 0, 0}), {3, 5});

TEST(Attention, TheTextClassifierHasTwoHeads) {
  TextClassifier model(9, 4, 3, 2);
  fill::expect_state(model, reference().at("text").at("state"), "text");
  fill::weights(model);
  const TextClassifier::Scores s = model.scores(tokens);
  expect_outputs(reference().at("text"), {s.first, s.second}, {}, "text");
  fill::expect_gradients(model, reference().at("text").at("gradients"), "text");
  EXPECT_EQ(model(tokens).shape(), (Shape{3, 5}));
  EXPECT_EQ(model.pooled(zeros({1, 5}, Dtype::int64)).to_vector(), std::vector<double>(4, 0));
}

// Its softmax is the product of both heads', its cross entropy the sum.
TEST(Attention, TwoAnswersAreOneClass) {
  AnswerClassifier model(9, 4, 3, 2);
  fill::weights(model);
  const Tensor scores = model(tokens), classes = labels({5, 2, 0});
  EXPECT_EQ(scores.shape(), (Shape{3, 6}));
  const TextClassifier::Scores s = model.text.scores(tokens);
  const Tensor both = unsqueeze(softmax(s.first, 1), 2) * unsqueeze(softmax(s.second, 1), 1);
  fill::expect_values(softmax(scores, 1), both.to_vector(), "probabilities");
  const Tensor apart = cross_entropy(s.first, labels({2, 1, 0})) + cross_entropy(s.second, labels({1, 0, 0}));
  EXPECT_NEAR(cross_entropy(scores, classes).item(), apart.item(), 1e-14);
  EXPECT_EQ(AnswerClassifier(9, 4, 7, 1)(tokens).shape(), (Shape{3, 7}));
  EXPECT_EQ(AnswerClassifier(9, 4, 7, 1).state_dict().size(), 3u);  // no second head
}

TEST(Attention, TheTransformerClassifierIsPyTorchs) {
  const TransformerClassifierOptions small = {.width = 8, .heads = 2, .layers = 2, .feedforward = 12};
  const auto expect = [](TransformerClassifier model, const Tensor& x, const std::string& name) {
    const nlohmann::json& wanted = reference().at(name);
    fill::expect_state(model, wanted.at("state"), name);
    fill::weights(model);
    expect_outputs(wanted, {model(x)}, {}, name);
    fill::expect_gradients(model, wanted.at("gradients"), name);
  };
  expect(TransformerClassifier::of_tokens(9, 5, 3, small), tokens, "classifier of tokens");
  const Tensor images = fill::pattern(1000, {3, 2, 4, 3});
  expect(TransformerClassifier::of_vectors(6, 4, 3, small), images, "classifier of images");
  TransformerClassifier model = TransformerClassifier::of_tokens(9, 5, 3, small);
  model.to(Dtype::float64);
  const Tensor nothing = zeros({1, 5}, Dtype::int64);  // a text without words has its bias alone
  EXPECT_EQ(model(nothing).to_vector(), model.head.bias.to_vector());
}

TEST(Attention, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(error_of<ShapeError>([] { TransformerClassifier::of_tokens(9, 5, 3)(labels({1, 2, 3, 4, 5})); }),
            "TransformerClassifier: input has shape (5), wanted (N,5); reshape it");
  EXPECT_EQ(error_of<ShapeError>([] { TransformerClassifier::of_vectors(6, 4, 3)(zeros({2, 5, 6})); }),
            "TransformerClassifier: input has shape (2,5,6), wanted (N,4,features); reshape it");
  EXPECT_EQ(error_of<ParamError>([] { TransformerClassifier::of_tokens(9, 0, 3); }),
            "TransformerClassifier: got a length of 0, wanted at least 1; give the places of a sequence");
  MultiheadAttention layer(6, 2);
  const Tensor x = zeros({3, 2, 6});
  EXPECT_EQ(
      error_of<ParamError>([] { MultiheadAttention(6, 4); }),
      "MultiheadAttention: got a width of 6 and 4 heads, wanted heads that divide the width; choose other numbers");
  EXPECT_EQ(error_of<ParamError>([] { MultiheadAttention(6, 2, {.dropout = -1}); }),
            "MultiheadAttention: got dropout = -1, wanted a probability; choose it in [0, 1]");
  EXPECT_EQ(error_of<ShapeError>([&] { layer.attend(x, zeros({4, 3, 6}), x); }),
            "MultiheadAttention: key has shape (4,3,6), wanted (steps,N,6) of one batch; reshape it");
  EXPECT_EQ(error_of<ShapeError>([&] { layer.attend(x, x, zeros({4, 2, 6})); }),
            "MultiheadAttention: there are 3 keys and 4 values, wanted equally many; check them");
  EXPECT_EQ(error_of<ShapeError>([&] { layer.attend(x, x, x, {.key_padding_mask = zeros({2, 3})}); }),
            "MultiheadAttention: key_padding_mask is float32 (2,3), wanted bool (2,3); true leaves a key out");
  EXPECT_EQ(error_of<ShapeError>([&] { layer.attend(x, x, x, {.attn_mask = zeros({3, 2})}); }),
            "MultiheadAttention: attn_mask has shape (3,2), wanted (3,3) or (4,3,3); reshape it");
  EXPECT_EQ(error_of<ShapeError>([&] { attention_weights(zeros({2, 3}), zeros({2, 4})); }),
            "attention: query has shape (2,3), key (2,4), wanted (…,L,E) and (…,S,E); project both alike");
  EXPECT_EQ(error_of<ShapeError>([&] { TextClassifier(9, 4, 3, 2)(labels({1, 2})); }),
            "TextClassifier: tokens have shape (2), wanted (N,length); pad texts to one length");
}

}  // namespace
}  // namespace gradus
