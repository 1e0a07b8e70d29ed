// What a loss holds between forward and backward, and at most on the way: the big ones say so, and keep to it.
#include <gtest/gtest.h>

#include "calls.h"
#include "gradus/core/pool.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/linear_cross_entropy.h"
#include "gradus/losses/mse_loss.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/sampling.h"

namespace gradus {
namespace {

constexpr int64_t little = 64 << 10;  // for nodes, shapes and single numbers

int64_t live() { return pool::figures().live_bytes; }
int64_t bytes_of(const Tensor& t) { return t.numel() * size_of(t.dtype()); }

Tensor labels(int64_t rows, int64_t classes) {
  Tensor y({rows}, Dtype::int64);
  for (int64_t i = 0; i < rows; ++i) y.mutable_data<int64_t>()[i] = i * 7 % classes;
  return y;
}

TEST(LossMemory, CrossEntropyKeepsOneGradientAtMost) {
  const Tensor x = randn({512, 1000}).requires_grad(true), y = labels(512, 1000);
  for (Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const int64_t before = live();
    {
      const Tensor loss = cross_entropy(x, y, {.label_smoothing = 0.1}, reduction);
      EXPECT_LE(live() - before, bytes_of(x) + little) << name_of(reduction);
      if (reduction == Reduction::none) { EXPECT_LE(live() - before, little) << "the input is there already"; }
      loss.backward(reduction == Reduction::none ? ones_like(loss) : Tensor());
      EXPECT_LE(live() - before, bytes_of(x) + little) << "the gradient of x is all that is new";
    }
    x.zero_grad();
    EXPECT_EQ(live(), before);
  }
}

TEST(LossMemory, WithoutAGradientNothingIsKept) {
  const Tensor x = randn({512, 1000}), y = labels(512, 1000);
  const int64_t before = live();
  const Tensor loss = cross_entropy(x, y);
  EXPECT_LE(live() - before, 1024);
}

TEST(LossMemory, LinearCrossEntropyNeverHoldsTheLogits) {
  constexpr int64_t rows = 1024, classes = 4096, width = 8;
  const Tensor x = randn({rows, width}).requires_grad(true), w = randn({classes, width}).requires_grad(true);
  const Tensor y = labels(rows, classes);
  const int64_t logits = rows * classes * 4, gradients = bytes_of(x) + bytes_of(w);
  pool::empty_cache();
  const int64_t held = pool::figures().held_bytes, before = live();
  const Tensor loss = linear_cross_entropy(x, w, y);
  EXPECT_LE(live() - before, gradients + little);
  loss.backward();
  EXPECT_LE(live() - before, gradients + little);
  // Nothing goes back to the system unasked, so what the pool holds now is the most that was ever in use.
  EXPECT_LE(pool::figures().held_bytes - held, logits / 4);
}

TEST(LossMemory, AnElementwiseLossKeepsOneGradientPerInput) {
  const Tensor x = randn({1 << 18}).requires_grad(true), y = randn({1 << 18});
  const int64_t before = live();
  const Tensor loss = mse_loss(x, y);
  EXPECT_LE(live() - before, bytes_of(x) + little);
  loss.backward();
  EXPECT_LE(live() - before, bytes_of(x) + little);
}

}  // namespace
}  // namespace gradus
