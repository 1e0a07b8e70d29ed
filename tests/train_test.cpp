// Training from end to end: models learn real digits, and the weights do not depend on threads.
#include <gtest/gtest.h>

#include <algorithm>

#include "gradus/autograd/engine.h"
#include "gradus/core/pool.h"
#include "gradus/core/threads.h"
#include "gradus/data/digits.h"
#include "gradus/data/knn.h"
#include "gradus/data/loader.h"
#include "gradus/data/sampler.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/mse_loss.h"
#include "gradus/losses/triplet_margin_loss.h"
#include "gradus/nn/models.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/sampling.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/sgd.h"

namespace gradus {
namespace {

const Split& halves() {
  static const Split s = split(digits(), 0.2, 0, "labels");
  return s;
}

double accuracy(Module& model, const Dataset& data) {
  const NoGrad quiet;
  const auto scores = model(data["features"]).to_vector();
  const auto wanted = data["labels"].to_vector();
  int hits = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto row = scores.begin() + int64_t(10 * i);
    hits += double(std::max_element(row, row + 10) - row) == wanted[i];
  }
  return hits / double(wanted.size());
}

void learn(Module& model, Optimizer& optimizer, int64_t epochs) {
  const Loader loader(halves().train, {.batch_size = 32, .seed = 1});
  for (int64_t epoch = 0; epoch < epochs; ++epoch)
    for (const Dataset& batch : loader.epoch(epoch)) {
      optimizer.zero_grad();
      backward(cross_entropy(model(batch["features"]), batch["labels"]));
      optimizer.step();
    }
}

TEST(Train, APerceptronLearnsDigits) {
  Generator generator(1);
  Sequential model = mlp({64, 128, 10}, generator);
  SGD optimizer(model.named_parameters(), {.lr = 0.1, .momentum = 0.9});
  EXPECT_LT(accuracy(model, halves().test), 0.3);
  learn(model, optimizer, 15);
  EXPECT_GT(accuracy(model, halves().test), 0.96);
}

TEST(Train, AConvolutionalNetworkLearnsDigits) {
  Generator generator(1);
  Sequential model = cnn(1, 8, 8, 10, generator);
  AdamW optimizer(model.named_parameters());
  learn(model, optimizer, 5);
  EXPECT_GT(accuracy(model, halves().test), 0.96);
}

TEST(Train, AnEmbeddingSeparatesDigits) {
  Generator generator(1);
  Sequential model = mlp({64, 64, 16}, generator);
  Adam optimizer(model.named_parameters(), {.lr = 3e-3});
  const Dataset &train = halves().train, &test = halves().test;
  const Loader loader(train, [&](int64_t epoch) { return balanced_batches(train["labels"], 10, 4, 1, epoch); });
  for (int64_t epoch = 0; epoch < 10; ++epoch)
    for (const Dataset& batch : loader.epoch(epoch)) {  // rows 4c to 4c + 3 are of one class
      Indices anchor, positive, negative;
      for (int64_t i = 0; i < 40; ++i)
        for (int64_t k = 1; k < 4; ++k) {
          anchor.push_back(i);
          positive.push_back(i / 4 * 4 + (i + k) % 4);
          negative.push_back((i + 4 * k) % 40);
        }
      const Tensor x = model(batch["features"]);
      const auto pick = [&](const Indices& rows) {
        return index_select(x, 0, from_data(rows.data(), {int64_t(rows.size())}));
      };
      optimizer.zero_grad();
      backward(triplet_margin_loss(pick(anchor), pick(positive), pick(negative)));
      optimizer.step();
    }
  const NoGrad quiet;
  EXPECT_GT(knn_accuracy(model(train["features"]), train["labels"], model(test["features"]), test["labels"], 5), 0.95);
}

TEST(Train, WeightsDoNotDependOnThreads) {
  const auto weights = [](int count) {
    const int before = threads();
    set_threads(count);
    Generator generator(1);
    Sequential model = cnn(1, 8, 8, 10, generator);
    Adam optimizer(model.named_parameters());
    learn(model, optimizer, 1);
    set_threads(before);
    std::vector<double> all;
    for (const auto& [name, t] : model.state_dict())
      for (double v : t.to_vector()) all.push_back(v);
    return all;
  };
  const auto one = weights(1);
  for (int count : {2, 3, 4}) EXPECT_EQ(weights(count), one) << count;
  EXPECT_EQ(weights(1), one);
}

// The same small step, over and over: nothing may pile up, and once warm no step asks the system for memory.
TEST(Train, MemoryStaysLevelOverManySteps) {
  Generator generator(1);
  Sequential model = mlp({2, 16, 1}, generator);
  Adam optimizer(model.named_parameters());
  const Tensor x = rand({8, 2}, Dtype::float32, generator), y = rand({8, 1}, Dtype::float32, generator);
  pool::Figures early{};
  for (int step = 1; step <= 100'000; ++step) {
    optimizer.zero_grad();
    backward(mse_loss(model(x), y));
    optimizer.step();
    if (step == 1'000) early = pool::figures();
  }
  const pool::Figures late = pool::figures();
  EXPECT_EQ(late.live_tensors, early.live_tensors);
  EXPECT_EQ(late.live_bytes, early.live_bytes);
  EXPECT_EQ(late.held_bytes, early.held_bytes);
  EXPECT_EQ(late.misses, early.misses);
}

}  // namespace
}  // namespace gradus
