// A convolutional classifier of handwritten digits, whose training images are moved about by threads ahead of it.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

double accuracy(Module& model, const Dataset& data) {
  const NoGrad quiet;
  model.eval();
  const Tensor right = eq(argmax(model(data["features"]), 1), data["labels"]);
  model.train();
  return mean(to(right, Dtype::float32)).item();
}

int main() {
  manual_seed(1);
  const Split halves = split(digits(), 0.2, 1, "labels");
  Sequential model(Conv2d(1, 16, 3, {.padding = 1}), BatchNorm2d(16), ReLU());
  model.add(Conv2d(16, 32, 3, {.padding = 1})).add(BatchNorm2d(32)).add(ReLU()).add(MaxPool2d(2));
  model.add(Flatten()).add(Dropout(0.2)).add(Linear(32 * 4 * 4, 10));
  AdamW optimizer(model.named_parameters(), {.lr = 3e-3});

  // Who makes a batch does not change it: the numbers depend on the seed, the epoch and the batch alone.
  const auto moved = [](const Dataset& batch, Generator& generator) {
    const Tensor turned = random_rotation(batch["features"], 10, generator);
    return Dataset({{"features", random_shift(turned, 1, generator)}, {"labels", batch["labels"]}});
  };
  const Loader loader(halves.train, {.batch_size = 32, .seed = 1, .transform = moved, .workers = 1});
  constexpr int64_t epochs = 8;
  Scheduler scheduler(optimizer, cosine_annealing(epochs * int64_t(loader.epoch(0).size())));

  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    RunningMean loss;
    for (const Dataset& batch : loader.epoch(epoch)) {
      const Tensor value = cross_entropy(model(batch["features"]), batch["labels"]);
      optimizer.zero_grad();
      backward(value);
      optimizer.step();
      scheduler.step();
      loss.add(value.item(), double(batch.size()));
    }
    std::printf("epoch %d: loss %.4f, test accuracy %.2f %%\n", int(epoch + 1), loss.mean(),
                100 * accuracy(model, halves.test));
  }
  return accuracy(model, halves.test) >= 0.97 ? 0 : 1;
}
