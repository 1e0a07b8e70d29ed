// A classifier of handwritten digits: data, model, loss, optimiser, and the loop that joins them.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

double accuracy(Module& model, const Dataset& data) {
  const NoGrad quiet;
  const Tensor guesses = argmax(model.forward(data["features"]), 1);
  const int64_t *guess = guesses.data<int64_t>(), *label = data["labels"].data<int64_t>();
  int64_t right = 0;
  for (int64_t i = 0; i < data.size(); ++i) right += guess[i] == label[i];
  return double(right) / double(data.size());
}

int main() {
  manual_seed(1);
  const Split halves = split(digits(), 0.2, 1, "labels");
  Sequential model = mlp({64, 128, 10});
  Adam optimizer(model.named_parameters(), {.lr = 2e-3});
  const Loader loader(halves.train, {.batch_size = 32, .seed = 1});

  for (int epoch = 1; epoch <= 15; ++epoch) {
    double total = 0;
    for (const Dataset& batch : loader.epoch(epoch)) {
      const Tensor loss = cross_entropy(model.forward(batch["features"]), batch["labels"]);
      optimizer.zero_grad();
      backward(loss);
      optimizer.step();
      total += loss.item() * double(batch.size());
    }
    if (epoch % 5 == 0)
      std::printf("epoch %2d: loss %.4f, test accuracy %.2f %%\n", epoch, total / double(halves.train.size()),
                  100 * accuracy(model, halves.test));
  }
  return accuracy(model, halves.test) >= 0.95 ? 0 : 1;
}
