// Schedules, averages of weights and accumulated gradients: PyTorch's trajectories, and what is promised beside them.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/linear.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/gradient_accumulator.h"
#include "gradus/optim/schedule.h"
#include "gradus/optim/sgd.h"
#include "gradus/optim/weight_average.h"
#include "gradus/tests/thrown.h"
#include "gradus/tests/trajectory.h"

namespace gradus {
namespace {

using trajectory::gradient;
using trajectory::start;

const nlohmann::json& reference() {
  static const nlohmann::json json = trajectory::reference("schedule_reference.json");
  return json;
}

// Two parameters in two groups, and an SGD that walks them.
struct Descent {
  Tensor p = start(37), q = start(5);
  SGD optimizer{{{"p", p}}, {.lr = 0.02, .momentum = 0.9}};
  int done = 0;

  Descent() { optimizer.add_group({{"q", q}}, {.lr = 0.005, .momentum = 0.9}); }
  void step() {
    p.set_grad(gradient(p, done));
    q.set_grad(gradient(q, done));
    optimizer.step();
    ++done;
  }
};

// Walks 100 steps, and after each tells the schedule, which `next` does.
void expect_rates(const std::string& name, Descent& d, const std::function<void(int)>& next) {
  const nlohmann::json& wanted = reference().at(name);
  for (int step = 0; step < 100; ++step) {
    for (size_t g = 0; g < 2; ++g)
      ASSERT_NEAR(d.optimizer.lr(g), wanted.at("lr")[size_t(step)][g].get<double>(), 1e-12) << name << " " << step;
    ASSERT_NEAR(d.optimizer.momentum(), wanted.at("momentum")[size_t(step)].get<double>(), 1e-12) << name << step;
    d.step();
    next(step);
  }
  trajectory::expect_at(wanted, name, d.p, d.q);
}

void expect_schedule(const std::string& name, const Schedule& lr, const Schedule& momentum = {}) {
  Descent d;
  Scheduler scheduler(d.optimizer, lr, momentum);
  expect_rates(name, d, [&](int) { scheduler.step(); });
}

TEST(Schedule, StepsFollowPyTorch) {
  expect_schedule("step", step_decay(30));
  expect_schedule("step_gamma", step_decay(7, 0.8));
  expect_schedule("multi_step", multi_step_decay({90, 15, 40, 41}, 0.3));
  expect_schedule("exponential", exponential_decay(0.97));
}

TEST(Schedule, CosinesFollowPyTorch) {
  expect_schedule("cosine", cosine_annealing(100));
  expect_schedule("cosine_lowest", cosine_annealing(30, 0.001));
  expect_schedule("restarts", cosine_restarts(17));
  expect_schedule("restarts_growing", cosine_restarts(10, 2, 0.001));
}

TEST(Schedule, WarmUpFollowsPyTorch) {
  expect_schedule("warm_up", linear_warm_up(10));
  expect_schedule("warm_up_cosine", sequence(linear_warm_up(10, 0.1), 10, cosine_annealing(90)));
}

TEST(Schedule, OneCycleFollowsPyTorch) {
  const OneCycleOptions two = {.steps = 101};
  expect_schedule("one_cycle", one_cycle(two), one_cycle_momentum(two));
  const OneCycleOptions three = {.steps = 101,
                                 .rise = 0.4,
                                 .cosine = false,
                                 .div_factor = 10,
                                 .final_div_factor = 100,
                                 .three_phase = true,
                                 .base_momentum = 0.8,
                                 .max_momentum = 0.9};
  expect_schedule("one_cycle_three_phase", one_cycle(three), one_cycle_momentum(three));
}

TEST(Schedule, OneCycleStaysAtTheLowestRate) {
  const Schedule rate = one_cycle({.steps = 10});
  EXPECT_NEAR(rate(1, 9), 1 / 25e4, 1e-18);
  EXPECT_EQ(rate(1, 9), rate(1, 1000));
  EXPECT_TRUE(std::isfinite(one_cycle({.steps = 1})(1, 0)));
}

double metric(int step) {  // of tests/data/make_schedule_reference.py
  return step < 25 ? 1 / (1 + 0.3 * step) : 0.1173 + 0.001 * (step % 3);
}

TEST(Schedule, PlateausFollowPyTorch) {
  Descent low;
  ReduceOnPlateau minimum(low.optimizer, {.patience = 3});
  expect_rates("plateau", low, [&](int step) { minimum.step(metric(step)); });
  Descent high;
  ReduceOnPlateau maximum(high.optimizer, {.maximize = true,
                                           .factor = 0.5,
                                           .patience = 2,
                                           .threshold = 0.01,
                                           .relative = false,
                                           .cooldown = 4,
                                           .lowest = 0.0005});
  expect_rates("plateau_max", high, [&](int step) { maximum.step(metric(step)); });
}

TEST(Schedule, ANaNIsNoImprovement) {
  Descent d;
  ReduceOnPlateau plateau(d.optimizer, {.patience = 1});
  for (int i = 0; i < 3; ++i) plateau.step(std::nan(""));
  EXPECT_NEAR(d.optimizer.lr(), 0.002, 1e-15);
}

TEST(Schedule, SavedStateGoesOnExactly) {
  const OneCycleOptions cycle = {.steps = 30};
  const auto rates = [&](std::optional<int> pause) {
    Descent d;
    auto scheduler = Scheduler(d.optimizer, one_cycle(cycle), one_cycle_momentum(cycle));
    std::vector<double> all;
    for (int step = 0; step < 30; ++step) {
      all.push_back(d.optimizer.lr(1));
      all.push_back(d.optimizer.momentum(1));
      scheduler.step();
      if (pause != step) continue;
      const NamedTensors saved = scheduler.state();
      d.optimizer.set_lr(7);  // where another schedule left it
      scheduler = Scheduler(d.optimizer, one_cycle(cycle), one_cycle_momentum(cycle));
      scheduler.load_state(saved);
      EXPECT_EQ(scheduler.steps(), step + 1);
    }
    return all;
  };
  EXPECT_EQ(rates(13), rates(std::nullopt));

  const auto reduced = [](bool pause) {
    Descent d;
    ReduceOnPlateau plateau(d.optimizer, {.patience = 2, .cooldown = 3});
    for (int step = 0; step < 40; ++step) {
      plateau.step(metric(step));
      if (!pause || step != 31) continue;
      const NamedTensors saved = plateau.state();
      plateau = ReduceOnPlateau(d.optimizer, {.patience = 2, .cooldown = 3});
      plateau.load_state(saved);
    }
    return d.optimizer.lr();
  };
  EXPECT_EQ(reduced(true), reduced(false));
}

TEST(Schedule, StateThatDoesNotFitIsNamed) {
  Descent d;
  Scheduler scheduler(d.optimizer, cosine_annealing(10));
  NamedTensors state = scheduler.state();
  state[1].second = zeros({3}, Dtype::float64);
  EXPECT_EQ(error_of<ShapeError>([&] { scheduler.load_state(state); }),
            "Scheduler: load_state got 'base_lr' as float64 (3), wanted float64 (2); restore the state of the same "
            "model");
  state = scheduler.state();
  state.emplace_back("best", zeros({}));
  EXPECT_EQ(error_of<ParamError>([&] { scheduler.load_state(state); }),
            "Scheduler: load_state got 'best', which is no state of this schedule; restore the state of the same "
            "model");
  EXPECT_EQ(error_of<ParamError>([&] { ReduceOnPlateau(d.optimizer).load_state({}); }),
            "ReduceOnPlateau: load_state found no 'best'; pass what state() returned");
}

TEST(Schedule, WrongOptionsAreRefused) {
  Descent d;
  const auto text = [](auto f) { return error_of<ParamError>(f); };
  EXPECT_EQ(text([] { step_decay(0); }), "step_decay: got every = 0, wanted at least 1; pass the number of steps");
  EXPECT_EQ(text([] { step_decay(5, 0); }), "step_decay: got gamma = 0, wanted a number above 0; try 0.1");
  EXPECT_EQ(text([] { multi_step_decay({1}, -1); }),
            "multi_step_decay: got gamma = -1, wanted a number above 0; try 0.1");
  EXPECT_EQ(text([] { exponential_decay(std::nan("")); }),
            "exponential_decay: got gamma = nan, wanted a number above 0; try 0.1");
  EXPECT_EQ(text([] { cosine_annealing(-1); }),
            "cosine_annealing: got steps = -1, wanted at least 1; pass the number of steps");
  EXPECT_EQ(text([] { cosine_restarts(5, 0); }), "cosine_restarts: got growth = 0, wanted at least 1; try 2");
  EXPECT_EQ(text([] { linear_warm_up(5, 2); }), "linear_warm_up: got start = 2, wanted a share in [0, 1]; try 0.1");
  EXPECT_EQ(text([] { sequence({}, 5, cosine_annealing(3)); }),
            "sequence: got an empty schedule, wanted two; pass cosine_annealing(100)");
  EXPECT_EQ(text([] { one_cycle({}); }), "one_cycle: got steps = 0, wanted at least 1; pass the number of steps");
  EXPECT_EQ(text([] { one_cycle({.steps = 5, .rise = 1.5}); }),
            "one_cycle: got rise = 1.5, wanted a share in [0, 1]; try 0.3");
  EXPECT_EQ(text([] { one_cycle_momentum({.steps = 5, .max_momentum = 1}); }),
            "one_cycle_momentum: got max_momentum = 1, wanted a number in [0, 1); leave it at its default");
  EXPECT_EQ(text([&] { Scheduler(d.optimizer, {}); }),
            "Scheduler: got an empty schedule, wanted one; pass cosine_annealing(100)");
  EXPECT_EQ(text([&] { ReduceOnPlateau(d.optimizer, {.factor = 1}); }),
            "ReduceOnPlateau: got factor = 1, wanted a number in (0, 1); try 0.1");
  Adagrad adagrad({{"p", start(3)}});
  EXPECT_EQ(text([&] { Scheduler(adagrad, one_cycle({.steps = 5}), one_cycle_momentum({.steps = 5})); }),
            "Adagrad: group 0 has no momentum; make the optimiser with one, or leave momentum alone");
  EXPECT_EQ(adagrad.lr(), 0.01);
}

// ---- an average of the weights ------------------------------------------------------------------

TEST(WeightAverage, FollowsPyTorch) {
  Tensor p = start(37), q = start(5);
  Adam optimizer({{"p", p}, {"q", q}}, {.lr = 0.01});
  WeightAverage average({{"p", p}, {"q", q}}, {.decay = 0.95});
  for (int step = 0; step < 100; ++step) {
    p.set_grad(gradient(p, step));
    q.set_grad(gradient(q, step));
    optimizer.step();
    average.update();
  }
  const NamedTensors averaged = average.averaged();
  trajectory::expect_at(trajectory::reference("optimizer_reference.json").at("average"), "average", averaged[0].second,
                        averaged[1].second);
}

TEST(WeightAverage, IsExchangedAndBack) {
  Tensor w = full({3}, 1.0).requires_grad(true), count = full({}, 4, Dtype::int64);
  WeightAverage average({{"w", w}, {"tied", w}, {"count", count}}, {.decay = 0.75});
  {
    const NoGrad quiet;
    w.set({0}, 5);
    count.set({}, 9);
  }
  average.update();
  average.swap();
  EXPECT_EQ(w.to_vector(), (std::vector<double>{2, 1, 1}));
  EXPECT_EQ(count.item(), 9);
  average.swap();
  EXPECT_EQ(w.to_vector(), (std::vector<double>{5, 1, 1}));
}

TEST(WeightAverage, WarmsUp) {
  Tensor w = full({1}, 0.0, Dtype::float64);
  WeightAverage average({{"w", w}}, {.decay = 0.9, .warm_up = true});
  w.set({0}, 1);
  average.update();  // decay 2/11
  EXPECT_NEAR(average.averaged()[0].second.item(), 9.0 / 11, 1e-15);
}

TEST(WeightAverage, SavedStateGoesOn) {
  Tensor w = full({2}, 1.0, Dtype::float64);
  WeightAverage average({{"w", w}}, {.decay = 0.5, .warm_up = true}), other = average;
  w.set({0}, 3);
  average.update();
  other.load_state(average.state());
  average.update();
  other.update();
  EXPECT_EQ(average.averaged()[0].second.to_vector(), other.averaged()[0].second.to_vector());
  EXPECT_EQ(error_of<ParamError>([&] { other.load_state({{"updates", full({}, 1, Dtype::int64)}}); }),
            "WeightAverage: load_state found no 'w'; pass what state() returned");
}

TEST(WeightAverage, WrongOptionsAreRefused) {
  const Tensor w = zeros({2, 3});
  EXPECT_EQ(error_of<ParamError>([&] { WeightAverage({{"w", w}}, {.decay = 1}); }),
            "WeightAverage: got decay = 1, wanted a number in [0, 1); leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { WeightAverage({{"w", w.alias({3, 2}, {1, 3})}}); }),
            "WeightAverage: 'w' is a strided view, wanted a dense tensor; pass what the model's layers hold");
  EXPECT_EQ(error_of<ParamError>([&] { WeightAverage({{"w", w}, {"w", zeros({1})}}); }),
            "WeightAverage: got two weights named 'w'; give each its own name");
}

// ---- accumulated gradients ----------------------------------------------------------------------

// A linear classifier of 7 samples; two labels are ignored.
struct Classifier {
  Tensor weight = start(15).detach().alias({3, 5}, {5, 1}).requires_grad(true);
  Tensor x, y = labels({2, 0, -100, 1, 1, -100, 2});

  Classifier() : x(Shape{7, 5}, Dtype::float64) {
    for (int64_t i = 0; i < 35; ++i) x.set({i / 5, i % 5}, std::sin(double(i)));
  }
  Tensor loss(int64_t from, int64_t to, Reduction reduction) const {
    return cross_entropy(linear(x.alias({to - from, 5}, {5, 1}, 5 * from), weight), y.alias({to - from}, {1}, from), {},
                         reduction);
  }
};

TEST(GradientAccumulator, PartsMakeTheWhole) {
  Classifier whole, parts;
  const Tensor mean = whole.loss(0, 7, Reduction::mean);
  backward(mean);
  GradientAccumulator accumulator({{"weight", parts.weight}, {"tied", parts.weight}});
  parts.weight.set_grad(ones({3, 5}, Dtype::float64));  // is forgotten
  for (int round = 0; round < 2; ++round) {
    accumulator.add(parts.loss(0, 3, Reduction::sum), 2);
    accumulator.add(parts.loss(3, 4, Reduction::sum), 1);
    accumulator.add(parts.loss(4, 7, Reduction::sum), 2);
    EXPECT_NEAR(accumulator.finish(), mean.item(), 1e-15);
    const auto got = parts.weight.grad().to_vector(), wanted = whole.weight.grad().to_vector();
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-15);
  }
}

TEST(GradientAccumulator, NothingToAverageIsNothing) {
  Classifier c;
  GradientAccumulator accumulator({{"weight", c.weight}});
  accumulator.add(c.loss(2, 3, Reduction::sum), 0);
  EXPECT_EQ(accumulator.finish(), 0);
  for (double g : c.weight.grad().to_vector()) EXPECT_EQ(g, 0);
}

TEST(GradientAccumulator, WrongCallsAreRefused) {
  Classifier c;
  GradientAccumulator accumulator({{"weight", c.weight}});
  EXPECT_EQ(error_of<StateError>([&] { accumulator.finish(); }),
            "GradientAccumulator: finish() got no part, wanted at least one; call add() first");
  EXPECT_EQ(error_of<ShapeError>([&] { accumulator.add(c.loss(0, 2, Reduction::none), 2); }),
            "GradientAccumulator: got a loss of shape (2), wanted one number; use Reduction::sum");
  EXPECT_EQ(error_of<ParamError>([&] { accumulator.add(c.loss(0, 2, Reduction::sum), -1); }),
            "GradientAccumulator: got count = -1, wanted a finite number that is not negative; pass how many samples "
            "count");
}

}  // namespace
}  // namespace gradus
