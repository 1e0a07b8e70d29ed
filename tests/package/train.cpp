// What a project that uses gradus does first: fits a line to points that lie on one, and leaves when it has found it.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

int main() {
  const gradus::Tensor x = gradus::tensor({-1.0, 0.0, 1.0, 2.0}, {4, 1});
  const gradus::Tensor y = 2.0 * x + 1.0;
  gradus::Tensor slope = gradus::zeros({1, 1}), offset = gradus::zeros({1});
  for (int step = 0; step < 200; ++step) {
    slope.requires_grad(true);
    offset.requires_grad(true);
    gradus::mse_loss(gradus::matmul(x, slope) + offset, y).backward();
    const gradus::NoGrad no_grad;
    slope = slope - 0.1 * slope.grad();
    offset = offset - 0.1 * offset.grad();
  }
  std::printf("gradus %s: y = %.4f x + %.4f\n", gradus::version, slope.item(), offset.item());
  return std::abs(slope.item() - 2) < 1e-3 && std::abs(offset.item() - 1) < 1e-3 ? 0 : 1;
}
