// A line through noisy points, by hand: parameters, a loss, its gradient, a step.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

int main() {
  const Tensor x = tensor({{0}, {1}, {2}, {3}, {4}});
  const Tensor y = tensor({{1.1}, {2.9}, {5.1}, {6.9}, {9.0}});  // about 2 x + 1
  Tensor slope = zeros({1, 1}).requires_grad(true), offset = zeros({1}).requires_grad(true);

  for (int step = 0; step <= 300; ++step) {
    const Tensor loss = mse_loss(matmul(x, slope) + offset, y);
    slope.zero_grad();
    offset.zero_grad();
    backward(loss);  // fills slope.grad() and offset.grad()
    if (step % 100 == 0)
      std::printf("step %3d: loss %.4f, y = %.3f x + %.3f\n", step, loss.item(), slope.item(), offset.item());

    const NoGrad quiet;  // the step itself is not to be differentiated
    slope = (slope - 0.08 * slope.grad()).requires_grad(true);
    offset = (offset - 0.08 * offset.grad()).requires_grad(true);
  }
  // The least-squares solution of these five points is y = 1.98 x + 1.04.
  return std::abs(slope.item() - 1.98) < 0.01 && std::abs(offset.item() - 1.04) < 0.02 ? 0 : 1;
}
