// Two tasks with one body: how much does each loss count?  The uncertainty of each task is learnt beside the weights.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

struct TwoHeads : Module {
  Linear body, first, second;
  explicit TwoHeads(Generator& g) : body(3, 16, true, g), first(16, 1, true, g), second(16, 1, true, g) {}
  Tensor forward(const Tensor& x) override {
    const Tensor shared = tanh(body(x));
    return concat({first(shared), second(shared)}, 1);
  }
  void parts(Parts& p) override { p.module("body", body).module("first", first).module("second", second); }
};

int main() {
  // A fine measurement, with an error of 0.1, and a coarse one, with an error of 2.
  constexpr int64_t n = 2000;
  constexpr double errors[] = {0.1, 2};
  Generator generator(1);
  Tensor x({n, 3}), noise({n, 2});
  init::normal(x, 0, 1, generator);
  init::normal(noise, 0, 1, generator);
  const Tensor clean = matmul(x, tensor({{0.5, 0}, {0, 1}, {-0.5, 0.5}}));
  const Tensor y = clean + noise * tensor({errors[0], errors[1]});

  // L1 / 2σ1² + log σ1 + L2 / 2σ2² + log σ2 is the likelihood of both; log_vars holds log σ².
  TwoHeads model(generator);
  Tensor log_vars = zeros({2}).requires_grad(true);
  NamedTensors parameters = model.named_parameters();
  parameters.emplace_back("log_vars", log_vars);
  Adam optimizer(parameters, {.lr = 0.02});
  for (int step = 0; step <= 600; ++step) {
    const Tensor guess = model(x);
    const Tensor losses =
        stack({mse_loss(slice(guess, 1, 0, 1), slice(y, 1, 0, 1)), mse_loss(slice(guess, 1, 1, 2), slice(y, 1, 1, 2))});
    const Tensor loss = uncertainty_weighted_sum(losses, log_vars);
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
    if (step % 200 == 0)
      std::printf("step %3d: losses %.4f and %.4f, weighed %.2f and %.2f\n", step, losses.at({0}), losses.at({1}),
                  std::exp(-log_vars.at({0})) / 2, std::exp(-log_vars.at({1})) / 2);
  }

  bool found = true;
  for (int64_t k = 0; k < 2; ++k) {
    const double learnt = std::exp(log_vars.at({k}) / 2);
    std::printf("task %d: the error is learnt as %.3f, it is %.1f\n", int(k + 1), learnt, errors[k]);
    found &= std::abs(learnt / errors[k] - 1) < 0.15;
  }
  return found ? 0 : 1;
}
