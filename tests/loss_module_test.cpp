// Losses as modules: settings once, inputs at every call, and what trains is a parameter.
#include "gradus/nn/loss.h"

#include <gtest/gtest.h>

#include "gradus/core/error.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/sgd.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

TEST(LossModule, IsTheLossWithItsSettings) {
  const Tensor x = tensor({1, 2, 3, 0, 1, -1}, {2, 3}), y = tensor({2, 0}, {2}, Dtype::int64),
               w = tensor({1, 2, 3}, {3});
  LossModule loss("cross_entropy", {{{"weight", w}}, {{"label_smoothing", 0.1}}});
  EXPECT_EQ(loss(x, y).item(), cross_entropy(x, y, {.weight = w, .label_smoothing = 0.1}).item());
}

TEST(LossModule, WeightsAreSavedAndConvertedWithIt) {
  LossModule loss("cross_entropy", {{{"weight", tensor({1, 2, 3}, {3})}}, {}});
  ASSERT_EQ(loss.state_dict().size(), 1u);
  EXPECT_EQ(loss.state_dict()[0].first, "weight");
  EXPECT_TRUE(loss.named_parameters().empty());
  loss.to(Dtype::float64);
  const Tensor x = tensor({1, 2, 3}, {1, 3}, Dtype::float64), y = tensor({2}, {1}, Dtype::int64);
  EXPECT_EQ(loss(x, y).dtype(), Dtype::float64);
}

TEST(LossModule, WhatItLearnsIsAParameter) {
  LossModule loss("huber_loss");
  loss.learn("delta", 0.5);
  ASSERT_EQ(loss.named_parameters().size(), 1u);
  SGD optimizer(loss.named_parameters(), {.lr = 0.1});
  loss(tensor({3.0}, {1}), tensor({0.0}, {1})).backward();
  optimizer.step();  // d huber / d delta = |e| - delta = 2.5
  EXPECT_FLOAT_EQ(float(loss.named_parameters()[0].second.item()), 0.25f);
}

TEST(LossModule, SaysWhatItWanted) {
  EXPECT_EQ(error_of([] { LossModule("huber_los"); }), "loss: there is no 'huber_los'; did you mean 'huber_loss'?");
  EXPECT_EQ(error_of([] { LossModule("huber_loss", {{}, {{"dleta", 1.0}}}); }),
            "huber_loss: there is no 'dleta'; did you mean 'delta'?");
  EXPECT_EQ(error_of([] { LossModule("huber_loss")(zeros({1})); }),
            "huber_loss: got 1 inputs, wanted 2: input, target");
}

}  // namespace
}  // namespace gradus
