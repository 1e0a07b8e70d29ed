// Knowledge distillation: a small network learns from what a large one thinks, also of images that nobody has labelled.
#include <gradus/gradus.h>

#include <cstdio>
#include <numeric>

using namespace gradus;

double accuracy(Module& model, const Dataset& data) {
  const NoGrad quiet;
  return mean(to(eq(argmax(model(data["features"]), 1), data["labels"]), Dtype::float32)).item();
}

// What the teacher says is given: no gradient flows into it.
Tensor opinion(Module& teacher, const Tensor& images) {
  const NoGrad quiet;
  return teacher(images);
}

template <class LossOf> void train(Module& model, const Dataset& data, int epochs, LossOf loss_of) {
  Adam optimizer(model.named_parameters(), {.lr = 5e-3});
  const Loader loader(data, {.batch_size = 50, .seed = 1});
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (const Dataset& batch : loader.epoch(epoch)) {
      optimizer.zero_grad();
      backward(loss_of(model(batch["features"]), batch));
      optimizer.step();
    }
}

int main() {
  const Split halves = split(digits(), 0.2, 1, "labels");
  Indices first(100);
  std::iota(first.begin(), first.end(), 0);
  const Dataset labelled = halves.train.rows(first);
  const auto by_labels = [](const Tensor& scores, const Dataset& batch) {
    return cross_entropy(scores, batch["labels"]);
  };

  Generator generator(1);
  Sequential teacher = mlp({64, 256, 10}, generator), alone = mlp({64, 12, 10}, generator);
  Sequential student = mlp({64, 12, 10}, generator);
  train(teacher, halves.train, 15, by_labels);
  train(alone, labelled, 200, by_labels);  // as many steps as the student takes

  // The temperature brings out what the teacher holds for possible: a four is more like a nine than like a zero.
  train(student, halves.train, 14, [&](const Tensor& scores, const Dataset& batch) {
    return distillation_kd_loss(scores, opinion(teacher, batch["features"]), {.temperature = 4});
  });

  const double large = accuracy(teacher, halves.test), small = accuracy(alone, halves.test),
               taught = accuracy(student, halves.test);
  std::printf("teacher, %6d parameters, all labels:   %.1f %%\n", int(teacher.parameter_count()), 100 * large);
  std::printf("student, %6d parameters, 100 labels:   %.1f %%\n", int(alone.parameter_count()), 100 * small);
  std::printf("student, %6d parameters, the teacher:  %.1f %%\n", int(student.parameter_count()), 100 * taught);
  return taught > small + 0.02 && taught > 0.92 ? 0 : 1;
}
