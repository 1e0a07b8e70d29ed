// A rare class: one sample in fifty.  Cross-entropy is content to answer "no"; the focal loss turns to what is hard.
#include <gradus/gradus.h>

#include <algorithm>
#include <cstdio>

using namespace gradus;

// Frequent points around the origin, rare ones around (2, 2), where some frequent ones lie too.
Dataset imbalanced(int64_t frequent, int64_t rare, Generator& generator) {
  Tensor many({frequent, 2}), few({rare, 2});
  init::normal(many, 0, 1, generator);
  init::normal(few, 2, 0.7, generator);
  return Dataset({{"features", concat({many, few})}, {"labels", concat({zeros({frequent, 1}), ones({rare, 1})})}});
}

struct Quality {
  double recall, precision;  // of the rare class
};

Quality quality(Module& model, const Dataset& data) {
  const NoGrad quiet;
  const Tensor guess = to(model(data["features"]) > 0, Dtype::float32), &truth = data["labels"];
  const double hits = sum(guess * truth).item();
  return {hits / sum(truth).item(), hits / std::max(sum(guess).item(), 1.0)};
}

template <class LossOf> Quality train(const Dataset& data, const Dataset& test, LossOf loss_of) {
  Generator generator(2);
  Sequential model = mlp({2, 16, 1}, generator);
  Adam optimizer(model.named_parameters(), {.lr = 0.02});
  for (int step = 0; step < 200; ++step) {
    optimizer.zero_grad();
    backward(loss_of(model(data["features"]), data["labels"]));
    optimizer.step();
  }
  return quality(model, test);
}

int main() {
  Generator generator(1);
  const Dataset data = imbalanced(2450, 50, generator), test = imbalanced(9800, 200, generator);

  const Quality plain = train(data, test, [](const Tensor& logits, const Tensor& truth) {
    return binary_cross_entropy_with_logits(logits, truth);
  });
  // (1 - p)^gamma takes weight from what is classified well already, alpha gives some to the rare class.
  const Quality focal = train(data, test, [](const Tensor& logits, const Tensor& truth) {
    return sigmoid_focal_loss(logits, truth, {.alpha = 0.9, .gamma = 2});
  });

  std::printf("cross-entropy: finds %.0f %% of the rare class, %.0f %% of its alarms are right\n", 100 * plain.recall,
              100 * plain.precision);
  std::printf("focal loss:    finds %.0f %% of the rare class, %.0f %% of its alarms are right\n", 100 * focal.recall,
              100 * focal.precision);
  return focal.recall > plain.recall + 0.1 ? 0 : 1;
}
