// Softmax never says no: every class keeps some probability.  Sparsemax and entmax leave out what is far behind.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

struct Answers {
  double accuracy, named;  // how many classes have a probability above 0, in the mean
};

// Trains by one loss; `probabilities` is the function that belongs to it.
template <class L, class P> Answers trained(const Split& halves, L loss, P probabilities) {
  Generator generator(1);
  Sequential model = mlp({64, 32, 10}, generator);
  Adam optimizer(model.named_parameters(), {.lr = 3e-3});
  const Loader loader(halves.train, {.batch_size = 32, .seed = 1});
  for (int64_t epoch = 0; epoch < 15; ++epoch)
    for (const Dataset& batch : loader.epoch(epoch)) {
      optimizer.zero_grad();
      backward(loss(model(batch["features"]), batch["labels"]));
      optimizer.step();
    }
  const NoGrad quiet;
  const Tensor p = probabilities(model(halves.test["features"]));
  const auto share = [](const Tensor& yes) { return mean(to(yes, Dtype::float64)).item(); };
  return {share(eq(argmax(p, 1), halves.test["labels"])), 10 * share(p > 0)};
}

int main() {
  const Split halves = split(digits(), 0.2, 1, "labels");
  const auto say = [](const char* name, const Answers& o) {
    std::printf("%-10s test accuracy %.2f %%, %.2f of 10 classes are possible\n", name, 100 * o.accuracy, o.named);
  };
  const Answers soft = trained(
      halves, [](const Tensor& z, const Tensor& y) { return cross_entropy(z, y); },
      [](const Tensor& z) { return softmax(z, 1); });
  const Answers between = trained(
      halves, [](const Tensor& z, const Tensor& y) { return entmax15_loss(z, y); },
      [](const Tensor& z) { return entmax15(z); });
  const Answers sparse = trained(
      halves, [](const Tensor& z, const Tensor& y) { return sparsemax_loss(z, y); },
      [](const Tensor& z) { return sparsemax(z); });
  say("softmax", soft);
  say("1.5-entmax", between);
  say("sparsemax", sparse);
  const bool as_good = soft.accuracy > 0.95 && between.accuracy > 0.95 && sparse.accuracy > 0.95;
  return as_good && soft.named == 10 && sparse.named < between.named && between.named < 3 ? 0 : 1;
}
