// Exploding gradients: a state that is multiplied thirty times makes a slope with a cliff, from which one step falls
// far.
#include <gradus/gradus.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

// A recurrence: h becomes weight · h, thirty times, and shall end where it began.  The weight to be found is 1.
Tensor loss_of(const Tensor& weight) {
  Tensor h = ones({1});
  for (int step = 0; step < 30; ++step) h = weight * h;
  return mse_loss(h, ones({1}));
}

// Descends from 1.2 and returns the weight that is reached.
double descend(bool clip) {
  Tensor weight = tensor({1.2}).requires_grad(true);
  SGD optimizer({{"weight", weight}}, {.lr = 0.01});
  std::printf(clip ? "clipped to a norm of 1:\n" : "as they are:\n");
  for (int step = 0; step < 60; ++step) {
    const Tensor loss = loss_of(weight);
    optimizer.zero_grad();
    backward(loss);
    const double norm = clip_grad_norm({{"weight", weight}}, clip ? 1 : INFINITY);
    if (step < 3 || step == 59)
      std::printf("  step %2d: weight %.4g, loss %.3g, norm of the gradient %.3g\n", step, weight.item(), loss.item(),
                  norm);
    if (!std::isfinite(norm)) break;
    optimizer.step();
  }
  return weight.item();
}

int main() {
  const double lost = descend(false), found = descend(true);
  std::printf("without clipping the weight ends at %.3g, with it at %.3f\n", lost, found);
  return !(std::abs(lost - 1) < 1) && std::abs(found - 1) < 0.01 ? 0 : 1;
}
