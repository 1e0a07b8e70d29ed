// Steps that are recorded for a device and played again: the same training, and what has no place in one.
#include "gradus/core/capture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/mse_loss.h"
#include "gradus/losses/sinkhorn_loss.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/dropout.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/sequential.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/embedding.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/svd.h"
#include "gradus/optim/adadelta.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/lion.h"
#include "gradus/optim/loss_scaler.h"
#include "gradus/optim/rmsprop.h"
#include "gradus/optim/sgd.h"
#include "gradus/optim/weight_average.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(const NamedTensors&)>;

template <class O, class Options> MakeOptimizer made(Options options) {
  return [options](const NamedTensors& p) { return std::make_unique<O>(p, options); };
}

// A training with everything that changes from step to step: data, the rate, what optimisers count, random masks.
struct Training {
  Generator generator{7}, masks{8};
  Sequential model{Linear(5, 8, true, generator), ReLU(), Dropout(0.4, masks), Linear(8, 3, true, generator)};
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<WeightAverage> average;
  Tensor x, y, loss;
  int calls = 0;

  Training(const MakeOptimizer& make, Device device) {
    model.to(device);
    optimizer = make(model.named_parameters());
    average = std::make_unique<WeightAverage>(model.state_dict(), WeightAverageOptions{.decay = 0.9, .warm_up = true});
    x = zeros({4, 5}, Dtype::float32, device);
    y = zeros({4}, Dtype::int64, device);
  }
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  void step() {
    ++calls;
    optimizer->zero_grad();
    loss = cross_entropy(model(x), y);
    backward(loss);
    optimizer->step();
    average->update();
  }
  // Everything that the training is, after some steps.
  std::vector<double> trained(const std::function<void()>& step, int steps) {
    std::vector<double> all;
    for (int i = 0; i < steps; ++i) {
      copy_elements(randn({4, 5}, Dtype::float32, generator), x);
      copy_elements(randint(0, 3, {4}, generator), y);
      step();
      optimizer->set_lr(0.9 * optimizer->lr(0));
      all.push_back(loss.item());
    }
    for (const NamedTensors& state : {model.state_dict(), optimizer->state(), average->state()})
      for (const auto& [name, t] : state)
        for (const double v : t.to_vector()) all.push_back(v);
    return all;
  }
};

TEST(Capture, OnTheCpuTheFunctionIsCalled) {
  Training plain(made<Adam>(AdamOptions{}), cpu), captured(made<Adam>(AdamOptions{}), cpu);
  CapturedStep step = capture([&] { captured.step(); });
  EXPECT_EQ(captured.trained([&] { step(); }, 6), plain.trained([&] { plain.step(); }, 6));
  EXPECT_EQ(captured.calls, 6);
  EXPECT_FALSE(step.recorded());
}

TEST(DeviceCapture, ARecordedStepTrainsAsTheFunctionDoes) {
  const std::pair<const char*, MakeOptimizer> all[] = {
      {"sgd", made<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9})},
      {"adam", made<Adam>(AdamOptions{.lr = 0.01})},
      {"adamw", made<AdamW>(AdamWOptions{.lr = 0.01, .amsgrad = true})},
      {"rmsprop", made<RMSprop>(RMSpropOptions{.lr = 0.01})},
      {"adagrad", made<Adagrad>(AdagradOptions{.lr = 0.1, .lr_decay = 0.1})},
      {"adadelta", made<Adadelta>(AdadeltaOptions{})},
      {"lion", made<Lion>(LionOptions{.lr = 0.01})}};
  for (const auto& [name, make] : all) {
    SCOPED_TRACE(name);
    Training plain(make, cuda()), captured(make, cuda());
    CapturedStep step = capture([&] { captured.step(); });
    EXPECT_EQ(captured.trained([&] { step(); }, 7), plain.trained([&] { plain.step(); }, 7));
    EXPECT_EQ(captured.calls, 2) << "one that is run, and one that is recorded";
    EXPECT_TRUE(step.recorded());
    EXPECT_EQ(captured.masks.state(), plain.masks.state());
  }
}

TEST(DeviceCapture, WhatItHeldGoesWithIt) {
  const DeviceUse before = use_of(cuda());
  {
    Training t(made<SGD>(SGDOptions{}), cuda());
    CapturedStep step = capture([&] { t.step(); });
    t.trained([&] { step(); }, 4);
  }
  synchronise(cuda());
  const DeviceUse after = use_of(cuda());
  EXPECT_EQ(after.bytes, before.bytes);
  EXPECT_EQ(after.storages, before.storages);
}

// Memory that the step has let go may serve the step again, and nobody else: its replays write there.
TEST(DeviceCapture, NobodyElseGetsItsMemory) {
  Tensor x = ones({64}, Dtype::float32, cuda()), sums;
  CapturedStep step = capture([&] { sums = sum(x * x + 1); });
  step(), step();
  const double first = sums.item();
  std::vector<Tensor> others;
  for (int i = 0; i < 20; ++i) others.push_back(full({64}, i, Dtype::float32, cuda()));
  fill_elements(x, 2);
  step();
  EXPECT_NE(sums.item(), first);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(others[size_t(i)].to_vector(), std::vector<double>(64, i)) << i;
}

TEST(DeviceCapture, AResultOutlivesTheStep) {
  Tensor x = ones({3}, Dtype::float32, cuda()), y;
  {
    CapturedStep step = capture([&] { y = x * 2 + 1; });
    for (int i = 1; i <= 3; ++i) fill_elements(x, i), step();
  }
  EXPECT_EQ(y.to_vector(), std::vector<double>(3, 7));
}

TEST(DeviceCapture, AWrongLabelIsToldAtTheNextRead) {
  Training t(made<SGD>(SGDOptions{.lr = 0.01}), cuda());
  CapturedStep step = capture([&] { t.step(); });
  const auto with = [&](std::initializer_list<int64_t> wanted) {
    copy_elements(labels(wanted), t.y);
    step();
  };
  const char* said = "cross_entropy: label 3 at row 2 is outside [0, 3)";
  with({0, 1, 2, 0}), with({0, 1, 2, 0}), with({1, 1, 1, 1});
  EXPECT_TRUE(std::isfinite(t.loss.item()));
  with({0, 1, 3, 0});
  EXPECT_EQ(error_of<IndexError>([&] { t.loss.item(); }), said);
  EXPECT_TRUE(std::isfinite(t.loss.item())) << "it is told once";
  with({0, 1, 3, 0});
  EXPECT_EQ(error_of<IndexError>([&] { synchronise(cuda()); }), said);
  with({0, 1, 2, 0});
  EXPECT_TRUE(std::isfinite(t.loss.item()));
}

TEST(DeviceCapture, AWrongIndexIsToldAtTheNextRead) {
  const Tensor table = to(tensor({{1, 2}, {3, 4}, {5, 6}}), cuda());
  Tensor rows = to(labels({0, 2}), cuda()), found;
  CapturedStep step = capture([&] { found = embedding(table, rows); });
  step(), step();
  EXPECT_EQ(found.to_vector(), (std::vector<double>{1, 2, 5, 6}));
  copy_elements(labels({1, 3}), rows), step();
  EXPECT_EQ(error_of<IndexError>([&] { found.to_vector(); }), "embedding: index 3 at position 1 is outside [0, 3)");
  copy_elements(labels({-1, 0}), rows), step();
  copy_elements(labels({1, 0}), rows), step();
  EXPECT_EQ(error_of<IndexError>([&] { found.to_vector(); }),
            "embedding: index was outside [0, 3) when it was used, and has been changed since");
  EXPECT_EQ(found.to_vector(), (std::vector<double>{3, 4, 1, 2})) << "it is told once";
}

TEST(DeviceCapture, WhatHasNoPlaceInAStepNamesTheOp) {
  Tensor x = to(randn({4, 3}), cuda()).detach().requires_grad(true);
  const auto said = [&](const std::function<void()>& what) {
    CapturedStep step = capture(what);
    step();
    std::string text = error_of<StateError>([&] { step(); });
    const size_t advice = text.find(
        ", which a recorded step cannot; do it before or after the step, or call the step "
        "without capture");
    EXPECT_NE(advice, std::string::npos) << text;
    return text.substr(0, advice);
  };
  EXPECT_EQ(said([&] { sum(x).item(); }), "copy: reads numbers of a device");
  EXPECT_EQ(said([&] { to(x, cpu); }), "copy: reads numbers of a device");
  EXPECT_EQ(said([&] { to(ones({2}), cuda()); }), "copy: moves numbers between the CPU and a device");
  EXPECT_EQ(said([&] { x * 2, synchronise(cuda()); }), "synchronise: waits for a device");
  EXPECT_EQ(said([&] { sinkhorn_loss(x, x); }), "sinkhorn_loss: looks at its input on the CPU");
  EXPECT_EQ(said([&] { masked_select(x, gt(x, 0)); }), "masked_select: looks at its input on the CPU");
  EXPECT_EQ(said([&] { svd(x); }), "svd: looks at its input on the CPU");
  LossScaler scaler({{"x", x}});
  EXPECT_EQ(said([&] { x * 2, scaler.unscale(); }), "LossScaler: unscales gradients of a loss that it has not scaled");
  CapturedStep inner = capture([&] { x * 2; });
  inner();
  EXPECT_EQ(said([&] {
              x * 2;
              if (RecordedStep::active()) inner();
            }),
            "capture: calls another captured step");
  EXPECT_EQ((x * 0 + 1).to_vector(), std::vector<double>(12, 1)) << "the device works on";
}

TEST(DeviceCapture, AParameterMayMakeItsFirstStepInIt) {
  const auto trained = [](bool recorded) {
    Tensor w = to(ones({2}), cuda()).detach().requires_grad(true),
           v = to(ones({2}), cuda()).detach().requires_grad(true);
    Adam optimizer({{"w", w}, {"v", v}});
    int call = 0;
    const auto step = [&] {
      optimizer.zero_grad();
      backward(sum(call++ == 0 ? w * w : w * v));
      optimizer.step();
    };
    CapturedStep captured = capture(step);
    for (int i = 0; i < 5; ++i) recorded ? captured() : step();
    EXPECT_EQ(call, recorded ? 2 : 5);
    std::vector<double> all = w.to_vector();
    for (const auto& [name, t] : optimizer.state())
      for (const double x : t.to_vector()) all.push_back(x);
    return all;
  };
  EXPECT_EQ(trained(true), trained(false));
}

TEST(DeviceCapture, WhatAReplayFindsOfTheLastLiesWhereNothingElseDoes) {
  Tensor few = ones({int64_t(sizeof(LossReport)) / 4}, Dtype::float32, cuda()), index = zeros({2}, Dtype::int64, cuda());
  Tensor one = ones({1}, Dtype::float64, cuda());
  const Tensor logits = zeros({4, 3}, Dtype::float32, cuda()).requires_grad(true);
  const Tensor labels = zeros({4}, Dtype::int64, cuda());
  Tensor loss, rows;
  CapturedStep step = capture([&] {
    few * 3, one * 3;  // as large as what the loss and the embedding tell of numbers outside their range
    loss = cross_entropy(logits, labels);
    rows = embedding(logits, index);
  });
  for (int i = 0; i < 4; ++i) {
    step();
    EXPECT_FLOAT_EQ(float(loss.item()), std::log(3.0F));
    EXPECT_EQ(sum(rows).item(), 0);
  }
}

TEST(DeviceCapture, AStepThatIsNotRecordedIsNotCounted) {
  Tensor w = to(ones({2}), cuda()).detach().requires_grad(true);
  Adam optimizer({{"w", w}});
  CapturedStep step = capture([&] {
    optimizer.zero_grad();
    backward(sum(w * w));
    optimizer.step();
    w.to_vector();
  });
  step();
  const auto steps = [&] { return optimizer.state()[1].second.item(); };
  EXPECT_EQ(steps(), 1);
  EXPECT_THROW(step(), StateError);
  EXPECT_EQ(steps(), 1);
}

TEST(DeviceCapture, AnOptimizerThatIsRestoredGoesOnInIt) {
  const auto trained = [](bool recorded) {
    Training t(made<Adam>(AdamOptions{.lr = 0.01}), cuda());
    CapturedStep captured = capture([&] { t.step(); });
    const auto step = [&] { recorded ? captured() : t.step(); };
    t.trained(step, 3);
    const NamedTensors three = t.optimizer->state();
    t.trained(step, 3);
    t.optimizer->load_state(three);
    const Tensor other = zeros({8, 5}, Dtype::float32, cuda());  // what it let go would be found here
    std::vector<double> all = t.trained(step, 3);
    EXPECT_EQ(sum(other).item(), 0);
    t.optimizer->load_state({three[0]});  // of no parameter: each begins anew
    for (const double v : t.trained(step, 2)) all.push_back(v);
    return all;
  };
  EXPECT_EQ(trained(true), trained(false));
}

// Batches of which some are so large that a gradient overflows.
struct ScaledTraining {
  Training training;
  LossScaler scaler;
  ScaledTraining(Device device, float factor)
      : training(made<Adam>(AdamOptions{.lr = 0.01}), device),
        scaler(training.model.named_parameters(), {.factor = factor, .growth = 3, .growth_interval = 3}) {}

  void step() {
    ++training.calls;
    training.optimizer->zero_grad();
    training.loss = cross_entropy(training.model(training.x), training.y);
    backward(scaler.scale(training.loss));
    if (scaler.unscale()) training.optimizer->step();
  }
  std::vector<double> trained(const std::function<void()>& step, const std::vector<int>& overflows, int steps) {
    std::vector<double> all;
    for (int i = 0; i < steps; ++i) {
      const bool over = std::find(overflows.begin(), overflows.end(), i) != overflows.end();
      copy_elements(randn({4, 5}, Dtype::float32, training.generator) * (over ? 1e37 : 1), training.x);
      copy_elements(randint(0, 3, {4}, training.generator), training.y);
      step();
      if (i % 3 == 1) all.push_back(scaler.factor());
    }
    all.push_back(scaler.factor());
    for (const NamedTensors& state : {training.model.state_dict(), training.optimizer->state(), scaler.state()})
      for (const auto& [name, t] : state)
        for (const double v : t.to_vector()) all.push_back(v);
    return all;
  }
};

TEST(DeviceCapture, ALossScalerLeavesOutTheSameStepsRecordedAndNot) {
  const std::vector<int> patterns[] = {{}, {0}, {1}, {0, 1, 2}, {3, 4, 9}, {11}};
  for (const std::vector<int>& overflows : patterns) {
    SCOPED_TRACE(testing::PrintToString(overflows));
    ScaledTraining plain(cuda(), 1000), captured(cuda(), 1000), there(cpu, 1000);
    CapturedStep step = capture([&] { captured.step(); });
    const std::vector<double> wanted = plain.trained([&] { plain.step(); }, overflows, 12);
    EXPECT_EQ(captured.trained([&] { step(); }, overflows, 12), wanted);
    EXPECT_EQ(captured.training.calls, 2);
    EXPECT_NE(captured.scaler.factor(), 1000) << "it has grown or shrunk";
    const NamedTensors state = captured.training.optimizer->state();
    EXPECT_EQ(std::find_if(state.begin(), state.end(), [](const auto& e) { return e.first == "0.weight.step"; })
                  ->second.item(),
              12 - double(overflows.size()));
    EXPECT_EQ(there.trained([&] { there.step(); }, overflows, 12).size(), wanted.size());
    EXPECT_EQ(there.scaler.factor(), captured.scaler.factor());
  }
}

TEST(DeviceCapture, WhatAStepWouldTellItsOptimizerMayComeTooLate) {
  Tensor w = to(ones({2}), cuda()).detach().requires_grad(true);
  {
    LossScaler scaler({{"w", w}});
    SGD optimizer({{"w", w}}, {.lr = 0.1});
    CapturedStep step = capture([&] {
      optimizer.zero_grad();
      backward(scaler.scale(sum(w * 2)));
      if (scaler.unscale()) optimizer.step();
    });
    step(), step();
  }
  EXPECT_FLOAT_EQ(float(w.at({0})), 0.6F);
}

TEST(DeviceCapture, OtherThreadsKeepOffWhileItRecords) {
  const Tensor x = ones({2}, Dtype::float32, cuda());
  std::string said;
  CapturedStep step = capture([&] {
    x * 2;
    if (RecordedStep::active()) std::thread([&] { said = error_of<DeviceError>([&] { x * 3; }); }).join();
  });
  step(), step();
  EXPECT_EQ(said, "allocate: cuda:0 failed: another thread is recording a step there; wait until it has");
}

}  // namespace
}  // namespace gradus
