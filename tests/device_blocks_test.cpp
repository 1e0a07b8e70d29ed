// Blocks on the device: teams of every size, more problems than teams, whole steps of training, and what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/backend.h"
#include "gradus/core/capture.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/losses/cdist.h"
#include "gradus/losses/ctc_loss_with_logits.h"
#include "gradus/losses/info_nce_loss.h"
#include "gradus/losses/sparsemax_loss.h"
#include "gradus/nn/linear.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/optim/sgd.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;
using Numbers = std::vector<double>;

Tensor labels_below(int64_t classes, int64_t n) {
  Tensor y({n}, Dtype::int64);
  for (int64_t i = 0; i < n; ++i) y.mutable_data<int64_t>()[i] = (7 * i + 3) % classes;
  return y;
}

// The value of f and its gradient, on a device.
template <class Fn> Numbers both_of(Fn f, const Tensor& x, Device device) {
  const Tensor leaf = to(x, device).detach().requires_grad(true);
  const Tensor loss = f(leaf);
  Numbers all = grad({sum(loss)}, {leaf})[0].to_vector();
  const Numbers values = loss.to_vector();
  all.insert(all.end(), values.begin(), values.end());
  return all;
}
template <class Fn> void expect_as_on_the_cpu(Fn f, const Tensor& x, const std::string& what) {
  const Numbers there = both_of(f, x, cuda()), here = both_of(f, x, cpu);
  ASSERT_EQ(there.size(), here.size()) << what;
  for (size_t i = 0; i < here.size(); ++i)
    ASSERT_NEAR(there[i], here[i], 1e-10 * std::max(1.0, std::abs(here[i]))) << what;
}

TEST(DeviceBlocks, TeamsOfEverySizeSolveAnyNumberOfProblems) {
  // A thread a problem, a warp, and a thread block; fewer problems than teams, and more than can be at work at once.
  constexpr int64_t shapes[][2] = {{3, 4}, {4000, 3}, {3, 40}, {5000, 17}, {2, 5000}, {600, 4200}};
  Generator generator(3);
  for (const auto& [rows, classes] : shapes) {
    if (rows * classes > 1'000'000 && classes > 4096) continue;  // minutes on the emulator
    const Tensor x = randn({rows, classes}, Dtype::float64, generator), y = labels_below(classes, rows);
    expect_as_on_the_cpu([&](const Tensor& z) { return sparsemax_loss(z, to(y, z.device())); }, x,
                         "sparsemax_loss of " + std::to_string(rows) + " rows of " + std::to_string(classes));
  }
  const Tensor x = randn({70, 6}, Dtype::float64, generator), y = randn({50, 6}, Dtype::float64, generator);
  expect_as_on_the_cpu([&](const Tensor& z) { return cdist(z, to(y, z.device())); }, x, "cdist");
}

TEST(DeviceBlocks, RunsAreBitEqual) {
  const Tensor x = to(randn({40, 8}), cuda()), y = to(randn({40, 8}), cuda());
  const auto run = [&] { return both_of([&](const Tensor& z) { return info_nce_loss(z, y); }, x, cuda()); };
  EXPECT_EQ(run(), run());
}

TEST(DeviceBlocks, AStepOfTrainingIsRecorded) {
  const auto trained = [](Device device, bool recorded) {
    Generator generator(11);
    Linear model(6, 4, true, generator);
    model.to(device);
    SGD optimizer(model.named_parameters(), {.lr = 0.1});
    const Tensor a = to(randn({12, 6}, Dtype::float32, generator), device),
                 b = to(randn({12, 6}, Dtype::float32, generator), device);
    Tensor loss;
    const auto step = [&] {
      optimizer.zero_grad();
      loss = info_nce_loss(model(a), model(b));
      backward(loss);
      optimizer.step();
    };
    CapturedStep replayed = capture(step);
    for (int i = 0; i < 5; ++i) recorded ? replayed() : step();
    return loss.item();
  };
  EXPECT_EQ(trained(cuda(), true), trained(cuda(), false));
  EXPECT_NEAR(trained(cuda(), true), trained(cpu, false), 1e-5);
}

// Nothing waits for what a device refuses; the CPU finds the words when the next number is read.
TEST(DeviceBlocks, WhatIsRefusedIsToldAtTheNextRead) {
  const Tensor x = to(randn({6, 2, 4}), cuda()).detach().requires_grad(true);
  const Tensor frames = to(tensor(NestedList{6, 6}, Dtype::int64), cuda()),
               lengths = to(tensor(NestedList{2, 1}, Dtype::int64), cuda());
  const auto loss = [&](const Tensor& targets) { return ctc_loss_with_logits(x, targets, frames, lengths); };
  const Tensor blank = to(tensor({{1, 2}, {0, 3}}, Dtype::int64), cuda()),
               right = to(tensor({{1, 2}, {1, 3}}, Dtype::int64), cuda());
  const Tensor wrong = loss(blank);  // does not wait
  const char* said = "ctc_loss_with_logits: targets is 0 at (1,0), wanted a class that is not the blank";
  EXPECT_EQ(error_of<IndexError>([&] { wrong.item(); }), said);
  EXPECT_TRUE(std::isfinite(loss(right).item())) << "the device works on";
  EXPECT_EQ(error_of<IndexError>([&] { loss(blank), synchronise(cuda()); }), said);

  Tensor rows = to(randn({3, 4}), cuda()).detach().requires_grad(true), y = to(labels_below(4, 3), cuda());
  y.set({1}, 4);
  EXPECT_EQ(error_of<IndexError>([&] { sparsemax_loss(rows, y).item(); }),
            "sparsemax_loss: label 4 at row 1 is outside [0, 4)");
  const Tensor changed = sparsemax_loss(rows, y);
  copy_elements(labels_below(4, 3), y);
  EXPECT_EQ(
      error_of<StateError>([&] { changed.item(); }),
      "sparsemax_loss: was given numbers outside their ranges, which have been changed since; leave the inputs as "
      "they are until the result is read");
}

TEST(DeviceBlocks, ProblemsWithoutElements) {
  for (const Shape& shape : {Shape{0, 5}, Shape{0, 0}}) {
    const Tensor x = zeros(shape, Dtype::float32, cuda());
    EXPECT_EQ(sparsemax_loss(x, to(labels_below(5, 0), cuda())).item(), 0);
  }
  EXPECT_EQ(cdist(zeros({3, 0}, Dtype::float32, cuda()), zeros({2, 0}, Dtype::float32, cuda())).to_vector(),
            Numbers(6, 0));
}

}  // namespace
