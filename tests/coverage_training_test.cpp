// Training as the source texts do it: tensors made and printed, losses averaged over an epoch, two losses compared on
// two models that start alike.
#include <gtest/gtest.h>

#include <set>

#include "gradus/autograd/engine.h"
#include "gradus/core/pool.h"
#include "gradus/core/print.h"
#include "gradus/data/loader.h"
#include "gradus/data/meter.h"
#include "gradus/losses/huber_loss.h"
#include "gradus/losses/sigmoid_focal_loss.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/norm.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/interpolate.h"
#include "gradus/ops/math.h"
#include "gradus/ops/pooling.h"
#include "gradus/ops/ranges.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/shape.h"
#include "gradus/optim/sgd.h"

namespace gradus {
namespace {

TEST(Coverage, TensorsAreMadeAndPrinted) {  // 3.1
  EXPECT_EQ(to_string(reshape(arange(0, 6, 1, Dtype::float32), {2, 3})),
            "tensor([[0., 1., 2.],\n        [3., 4., 5.]])");
  EXPECT_EQ(to_string(reshape(arange(6), {3, 2})), "tensor([[0, 1],\n        [2, 3],\n        [4, 5]])");
  Generator generator(3);
  const Tensor normal = randn({100'000}, Dtype::float64, generator);
  EXPECT_NEAR(mean(normal).item(), 0, 0.02);
  EXPECT_NEAR(std(normal).item(), 1, 0.02);
  const Tensor coins = randint(0, 2, {100'000}, generator);
  const std::vector<double> sides = coins.to_vector();
  EXPECT_EQ(std::set<double>(sides.begin(), sides.end()), (std::set<double>{0, 1}));
  EXPECT_NEAR(sum(coins).item() / 1e5, 0.5, 0.02);
}

TEST(Coverage, ALossOverAnEpochIsTheMeanOverItsSamples) {  // 0.26
  Generator generator(1);
  const Dataset data(
      {{"x", randn({10, 3}, Dtype::float64, generator)}, {"y", randn({10, 3}, Dtype::float64, generator)}});
  RunningMean epoch;
  for (const Dataset& batch : Loader(data, {.batch_size = 4}).epoch(0))  // of 4, 4 and 2
    epoch.add(huber_loss(batch["x"], batch["y"]).item(), double(batch.size()));
  EXPECT_EQ(epoch.weight(), 10);
  EXPECT_NEAR(epoch.mean(), huber_loss(data["x"], data["y"]).item(), 1e-15);
}

// A stand-in for a ResNet trunk with a 3×3 head: it halves the image, and the head's map is enlarged again.
struct Segmenter : Module {
  Conv2d first, second, head;
  BatchNorm2d norm{4};

  explicit Segmenter(Generator& g)
      : first(3, 4, 3, {.padding = 1}, false, g),
        second(4, 4, 3, {.padding = 1}, false, g),
        head(4, 1, 3, {.padding = 1}, true, g) {}
  Tensor forward(const Tensor& x) override {
    const Tensor low = max_pool2d(relu(norm(first(x))), 2);
    return interpolate(head(relu(low + second(low))), {x.size(2), x.size(3)}, Interpolation::bilinear, true);
  }
  void parts(Parts& p) override {
    p.module("first", first).module("second", second).module("head", head).module("norm", norm);
  }
};

struct Line {  // of the log
  int step;
  double weights_apart, losses_apart;
  bool operator==(const Line&) const = default;
};

// Two models that start alike, one trained by each form of the focal loss on the same soft labels.
std::vector<Line> compare_focal_losses(uint64_t seed) {
  Generator generator(seed);
  Segmenter one(generator), two(generator);
  one.to(Dtype::float64), two.to(Dtype::float64);
  two.load_state_dict(one.state_dict());
  SGD first(one.named_parameters(), {.lr = 1e-2}), second(two.named_parameters(), {.lr = 1e-2});
  const Tensor images = randn({2, 3, 8, 10}, Dtype::float64, generator);
  const Tensor labels = sigmoid(randn({2, 1, 8, 10}, Dtype::float64, generator));
  std::vector<Line> log;
  for (int step = 0; step < 100; ++step) {
    first.zero_grad(), second.zero_grad();
    const Tensor a = sigmoid_focal_loss(one(images), labels, {.variant = SigmoidFocal::absdiff});
    const Tensor b = sigmoid_focal_loss(two(images), labels, {.variant = SigmoidFocal::exp_bce});
    backward(a), backward(b);
    first.step(), second.step();
    if (step % 10) continue;
    const NoGrad quiet;
    const int64_t nodes = pool::figures().live_nodes;
    const Tensor apart = mean(abs(one.first.weight - two.first.weight));
    EXPECT_FALSE(apart.requires_grad()) << "1.32";
    EXPECT_EQ(pool::figures().live_nodes, nodes) << "1.32: nothing is recorded";
    log.push_back({step, apart.item(), a.item() - b.item()});
  }
  return log;
}

TEST(Coverage, TwoFormsOfFocalLossPartSlowlyAndTheSameEveryTime) {  // 1.27, 1.30, 1.32
  const std::vector<Line> log = compare_focal_losses(7);
  ASSERT_EQ(log.size(), 10u);
  for (const Line& line : log) {
    EXPECT_GT(line.weights_apart, 0) << line.step;
    EXPECT_LT(line.weights_apart, 1e-2) << line.step;
    EXPECT_LT(line.losses_apart, 0) << line.step;  // by expectation -0.028 where all logits are 0
    EXPECT_GT(line.losses_apart, -0.06) << line.step;
  }
  EXPECT_EQ(log, compare_focal_losses(7));
}

}  // namespace
}  // namespace gradus
