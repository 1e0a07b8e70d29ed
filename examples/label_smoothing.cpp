// Label smoothing: where some labels are wrong, a classifier that is never asked to be certain learns fewer mistakes.
#include <gradus/gradus.h>

#include <cstdio>
#include <vector>

using namespace gradus;

struct Behaviour {
  double accuracy, confidence, surprise;  // the mean highest probability, and the mean -log p of the truth
};

Behaviour examine(Module& model, const Dataset& data) {
  const NoGrad quiet;
  const Tensor scores = model(data["features"]), p = softmax(scores, 1);
  const Tensor right = to(eq(argmax(scores, 1), data["labels"]), Dtype::float32);
  return {mean(right).item(), mean(amax(p, {1})).item(), cross_entropy(scores, data["labels"]).item()};
}

// One label in five is drawn anew.
Dataset careless(const Dataset& data, Generator& generator) {
  const int64_t n = data.size();
  Tensor drawn({n}, Dtype::int64), wrong({n}, Dtype::boolean);
  fill_integers(drawn.mutable_data<int64_t>(), n, 0, 10, generator);
  fill_bernoulli(wrong.mutable_data<bool>(), n, 0.2, generator);
  return Dataset({{"features", data["features"]}, {"labels", where(wrong, drawn, data["labels"])}});
}

Behaviour train(const Split& halves, double smoothing) {
  Generator generator(1);
  Sequential model = mlp({64, 256, 10}, generator);
  Adam optimizer(model.named_parameters(), {.lr = 3e-3});
  const Loader loader(halves.train, {.batch_size = 32, .seed = 1});
  for (int epoch = 0; epoch < 60; ++epoch)
    for (const Dataset& batch : loader.epoch(epoch)) {
      optimizer.zero_grad();
      backward(cross_entropy(model(batch["features"]), batch["labels"], {.label_smoothing = smoothing}));
      optimizer.step();
    }
  return examine(model, halves.test);
}

int main() {
  Split halves = split(digits(), 0.75, 1, "labels");
  Generator generator(1);
  halves.train = careless(halves.train, generator);
  std::vector<Behaviour> seen;
  for (const double smoothing : {0.0, 0.1}) {
    const Behaviour b = train(halves, smoothing);
    std::printf("smoothing %.1f: accuracy %.1f %%, mean confidence %.1f %%, surprise at the truth %.3f\n", smoothing,
                100 * b.accuracy, 100 * b.confidence, b.surprise);
    seen.push_back(b);
  }
  return seen[1].accuracy > seen[0].accuracy && seen[1].confidence < seen[0].confidence ? 0 : 1;
}
