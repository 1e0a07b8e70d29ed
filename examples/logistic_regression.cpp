// Logistic regression: which of two clouds does a point come from?  The best answer is known, so it can be compared.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

int main() {
  // Two normal clouds of deviation 1 around (1, 0.5) and (-1, -0.5), five thousand points of each.
  constexpr int64_t n = 5000;
  Generator generator(1);
  Tensor x({2 * n, 2}), y = concat({zeros({n, 1}), ones({n, 1})});
  init::normal(x, 0, 1, generator);
  x = x + concat({expand(tensor({-1, -0.5}), {n, 2}), expand(tensor({1, 0.5}), {n, 2})});

  // The model: one weight a coordinate and an offset.  Its output is the logarithm of the odds of the second cloud.
  Linear model(2, 1, true, generator);
  SGD optimizer(model.named_parameters(), {.lr = 1});
  for (int step = 0; step <= 100; ++step) {
    const Tensor loss = binary_cross_entropy_with_logits(model.forward(x), y);
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
    if (step % 25 == 0) std::printf("step %3d: loss %.4f\n", step, loss.item());
  }

  // Bayes' rule for clouds of deviation 1: log odds = (m1 - m0) · x + (|m0|² - |m1|²) / 2 = 2 x0 + x1.
  const double w0 = model.weight.at({0, 0}), w1 = model.weight.at({0, 1}), b = model.bias.item();
  std::printf("learnt %.2f x0 + %.2f x1 + %.2f, Bayes' rule says 2 x0 + x1\n", w0, w1, b);
  return std::abs(w0 - 2) < 0.2 && std::abs(w1 - 1) < 0.2 && std::abs(b) < 0.2 ? 0 : 1;
}
