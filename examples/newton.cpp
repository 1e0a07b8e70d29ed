// Second-order descent: Newton's step needs the Hessian only times a vector, and that is one more backward.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

double dot(const Tensor& a, const Tensor& b) { return sum(a * b).item(); }

// A logistic regression whose features differ in size by a factor of 1,000: a valley that is long and narrow.
struct Valley {
  Tensor x, y;
  Tensor loss(const Tensor& w) const {
    return binary_cross_entropy_with_logits(matmul(x, w), y) + 1e-4 * sum(square(w));
  }
};

Valley narrow_valley() {
  Generator generator(1);
  Tensor x({500, 3}, Dtype::float64), noise({500, 1}, Dtype::float64);
  init::normal(x, 0, 1, generator);
  init::normal(noise, 0, 1, generator);
  const Tensor truth = tensor({{1}, {-2}, {0.5}}, Dtype::float64);
  const Tensor y = to(matmul(x, truth) + noise > 0, Dtype::float64);
  return {x * tensor({0.05, 1, 50}, Dtype::float64), y};
}

// Conjugate gradients: solves H d = -g from products with H alone.
template <class Product> Tensor newton_step(const Tensor& g, Product hessian_times) {
  Tensor d = zeros_like(g), rest = -g, direction = rest;
  for (int64_t k = 0; k < g.numel() && dot(rest, rest) > 1e-24 * dot(g, g); ++k) {
    const Tensor h = hessian_times(direction);
    const double before = dot(rest, rest), step = before / dot(direction, h);
    d = d + direction * step;
    rest = rest - h * step;
    direction = rest + direction * (dot(rest, rest) / before);
  }
  return d;
}

int main() {
  const Valley valley = narrow_valley();
  Tensor w = zeros({3, 1}, Dtype::float64);
  double size = 1;
  for (int step = 0; step < 20 && size > 1e-10; ++step) {
    w = w.detach().requires_grad(true);
    const Tensor loss = valley.loss(w);
    const Tensor g = grad({loss}, {w}, {}, {.create_graph = true})[0];  // recorded, to be differentiated once more
    size = std::sqrt(dot(g, g));
    std::printf("step %d: loss %.6f, norm of the gradient %.1e\n", step, loss.item(), size);
    const Tensor d = newton_step(g.detach(), [&](const Tensor& v) {
      return grad({sum(g * v)}, {w}, {}, {.retain_graph = true})[0];  // H v = d (g · v) / d w
    });
    const NoGrad quiet;
    w = w + d;
  }

  // Steepest descent, with the longest step that the steepest direction stands, has hardly begun.
  Tensor slow = zeros({3, 1}, Dtype::float64);
  for (int step = 0; step < 200; ++step) {
    slow = slow.detach().requires_grad(true);
    const Tensor g = grad({valley.loss(slow)}, {slow})[0];
    slow = slow.detach() - g * 2e-3;
  }
  std::printf("Newton: %.6f; 200 steps along the gradient: %.6f\n", valley.loss(w).item(), valley.loss(slow).item());
  return size <= 1e-10 && valley.loss(slow).item() > valley.loss(w).item() + 0.01 ? 0 : 1;
}
