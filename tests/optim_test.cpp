// The optimisers against PyTorch's trajectories, and what they promise beside the numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"
#include "gradus/core/threads.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/adadelta.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/clip.h"
#include "gradus/optim/lion.h"
#include "gradus/optim/rmsprop.h"
#include "gradus/optim/sgd.h"
#include "gradus/tests/thrown.h"
#include "gradus/tests/trajectory.h"

namespace gradus {
namespace {

using trajectory::gradient;
using trajectory::start;

void run(Optimizer& optimizer, Tensor& p, Tensor& q, int from, int to) {
  for (int step = from; step < to; ++step) {
    p.set_grad(gradient(p, step));
    q.set_grad(step % 3 == 0 ? Tensor() : gradient(q, step));
    optimizer.step();
  }
}

const nlohmann::json& reference() {
  static const nlohmann::json json = trajectory::reference("optimizer_reference.json");
  return json;
}

template <class Kind, class Options> void expect_trajectory(const std::string& name, const Options& options) {
  Tensor p = start(37), q = start(5);
  Kind optimizer({{"p", p}, {"q", q}}, options);
  run(optimizer, p, q, 0, 100);
  trajectory::expect_at(reference().at(name), name, p, q);
}

TEST(Optim, SgdFollowsPyTorch) {
  expect_trajectory<SGD>("sgd", SGDOptions{.lr = 0.01});
  expect_trajectory<SGD>("sgd_weight_decay", SGDOptions{.lr = 0.01, .weight_decay = 0.1});
  expect_trajectory<SGD>("sgd_momentum", SGDOptions{.lr = 0.01, .momentum = 0.9});
  expect_trajectory<SGD>("sgd_dampening",
                         SGDOptions{.lr = 0.01, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.01});
  expect_trajectory<SGD>("sgd_nesterov",
                         SGDOptions{.lr = 0.01, .momentum = 0.8, .weight_decay = 0.05, .nesterov = true});
}

TEST(Optim, AdamFollowsPyTorch) {
  expect_trajectory<Adam>("adam", AdamOptions{.lr = 0.01});
  expect_trajectory<Adam>("adam_weight_decay",
                          AdamOptions{.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1});
  expect_trajectory<Adam>("adam_amsgrad", AdamOptions{.lr = 0.02, .amsgrad = true});
}

TEST(Optim, AdamWFollowsPyTorch) {
  expect_trajectory<AdamW>("adamw", AdamWOptions{.lr = 0.02, .weight_decay = 0.01});
  expect_trajectory<AdamW>("adamw_amsgrad", AdamWOptions{.lr = 0.02, .weight_decay = 0.3, .amsgrad = true});
}

TEST(Optim, RMSpropFollowsPyTorch) {
  expect_trajectory<RMSprop>("rmsprop", RMSpropOptions{.lr = 0.01});
  expect_trajectory<RMSprop>(
      "rmsprop_momentum", RMSpropOptions{.lr = 0.002, .alpha = 0.9, .eps = 1e-6, .weight_decay = 0.1, .momentum = 0.8});
  expect_trajectory<RMSprop>("rmsprop_centered", RMSpropOptions{.lr = 0.005, .alpha = 0.95, .centered = true});
  expect_trajectory<RMSprop>("rmsprop_centered_momentum",
                             RMSpropOptions{.lr = 0.001, .momentum = 0.9, .centered = true});
}

TEST(Optim, AdagradFollowsPyTorch) {
  expect_trajectory<Adagrad>("adagrad", AdagradOptions{.lr = 0.1});
  expect_trajectory<Adagrad>(
      "adagrad_decay",
      AdagradOptions{.lr = 0.2, .lr_decay = 0.05, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .eps = 1e-6});
}

TEST(Optim, AdadeltaFollowsPyTorch) {
  expect_trajectory<Adadelta>("adadelta", AdadeltaOptions());
  expect_trajectory<Adadelta>("adadelta_weight_decay",
                              AdadeltaOptions{.lr = 0.5, .rho = 0.8, .eps = 1e-4, .weight_decay = 0.1});
}

// Algorithm 2 of the paper as it stands there, one number after the other.
std::vector<double> lion_in_a_loop(Tensor p, int from, const LionOptions& o) {
  std::vector<double> m(size_t(p.numel()), 0.0);
  for (int step = from; step < 100; ++step) {
    const Tensor g = gradient(p, step);
    for (int64_t i = 0; i < p.numel(); ++i) {
      double& mean = m[size_t(i)];
      const double c = o.beta1 * mean + (1 - o.beta1) * g.at({i}), x = p.at({i});
      const double direction = c > 0 ? 1 : c < 0 ? -1 : 0;
      mean = o.beta2 * mean + (1 - o.beta2) * g.at({i});
      const NoGrad quiet;
      p.set({i}, x - o.lr * (direction + o.weight_decay * x));
    }
  }
  return p.to_vector();
}

TEST(Optim, LionFollowsItsPaper) {
  for (const LionOptions& o : {LionOptions{.lr = 0.01}, LionOptions{.lr = 0.003, .beta1 = 0.8, .weight_decay = 0.3}}) {
    Tensor p = start(37);
    Lion optimizer({{"p", p}}, o);
    for (int step = 0; step < 100; ++step) {
      p.set_grad(gradient(p, step));
      optimizer.step();
    }
    const auto wanted = lion_in_a_loop(start(37), 0, o);
    for (int64_t i = 0; i < 37; ++i) EXPECT_NEAR(p.at({i}), wanted[size_t(i)], 1e-12) << i;
  }
}

TEST(Optim, LionStandsStillWithoutGradient) {
  Tensor p = start(5);
  const auto before = p.to_vector();
  p.set_grad(zeros({5}, Dtype::float64));
  Lion({{"p", p}}, {.lr = 1}).step();
  EXPECT_EQ(p.to_vector(), before);
}

TEST(Optim, GroupsHaveOptionsOfTheirOwn) {  // the trajectory of torch.optim.SGD with add_param_group
  Tensor p = start(37), q = start(5);
  SGD optimizer({{"p", p}}, {.lr = 0.01, .momentum = 0.9});
  optimizer.add_group({{"q", q}}, {.lr = 0.003, .momentum = 0.9, .weight_decay = 0.2});
  for (int step = 0; step < 100; ++step) {
    p.set_grad(gradient(p, step));
    q.set_grad(gradient(q, step));
    optimizer.step();
  }
  trajectory::expect_at(reference().at("groups"), "groups", p, q);
}

TEST(Optim, GroupsHaveRatesOfTheirOwn) {
  Tensor p = start(3), q = start(3);
  Adam optimizer({{"p", p}}, {.lr = 0.1});
  optimizer.add_group({{"q", q}}, {.lr = 0.2, .amsgrad = true});
  EXPECT_EQ(optimizer.groups(), 2u);
  EXPECT_EQ(optimizer.lr(), 0.1);
  EXPECT_EQ(optimizer.lr(1), 0.2);
  optimizer.set_lr(0.5, 1);
  EXPECT_EQ(optimizer.lr(0), 0.1);
  EXPECT_EQ(optimizer.lr(1), 0.5);
  optimizer.set_lr(0.25);
  EXPECT_EQ(optimizer.lr(0), 0.25);
  EXPECT_EQ(optimizer.lr(1), 0.25);
  EXPECT_EQ(optimizer.momentum(1), 0.9);
  optimizer.set_momentum(0.8, 1);
  EXPECT_EQ(optimizer.momentum(0), 0.9);
  EXPECT_EQ(optimizer.momentum(1), 0.8);
}

TEST(Optim, GroupsAreSavedAndRestored) {
  const auto trained = [](bool pause) {
    Tensor p = start(37), q = start(5);
    const auto make = [&] {
      auto optimizer = std::make_unique<RMSprop>(NamedTensors{{"p", p}}, RMSpropOptions{.momentum = 0.5});
      optimizer->add_group({{"q", q}}, {.lr = 0.003, .centered = true});
      return optimizer;
    };
    auto optimizer = make();
    run(*optimizer, p, q, 0, 10);
    optimizer->set_lr(0.001, 1);
    if (pause) {
      const NamedTensors saved = optimizer->state();
      optimizer = make();
      optimizer->load_state(saved);
      EXPECT_EQ(optimizer->lr(1), 0.001);
    }
    run(*optimizer, p, q, 10, 20);
    return std::pair{p.to_vector(), q.to_vector()};
  };
  EXPECT_EQ(trained(true), trained(false));
}

TEST(Optim, TiedWeightsAreOneParameter) {
  Tensor p = ones({2}, Dtype::float64).requires_grad(true);
  SGD optimizer({{"embedding", p}, {"output", p}}, {.lr = 1});
  p.set_grad(ones({2}, Dtype::float64));
  optimizer.step();
  EXPECT_EQ(p.to_vector(), (std::vector<double>{0, 0}));
}

TEST(Optim, AdamWDecaysByDefault) {
  Tensor p = start(3), q = start(3);
  AdamW by_default({{"p", p}}, {.beta1 = 0.9}), told({{"q", q}}, {.weight_decay = 0.01});
  for (int step = 0; step < 3; ++step) {
    p.set_grad(gradient(p, step));
    q.set_grad(gradient(q, step));
    by_default.step();
    told.step();
  }
  EXPECT_EQ(p.to_vector(), q.to_vector());
}

TEST(Optim, EveryElementOfEveryLengthIsUpdatedAlike) {  // packs, ragged ends and block borders
  for (int64_t n : {1, 7, 8, 15, 16, 17, 31, 33, 16383, 16384, 16385, 40000}) {
    Tensor p = full({n}, 1.0).requires_grad(true);
    p.set_grad(full({n}, 0.5));
    Adam({{"p", p}}, {.lr = 0.25}).step();
    for (double x : p.to_vector()) ASSERT_EQ(x, p.at({0})) << n;
    EXPECT_NEAR(p.at({0}), 0.75, 1e-6);
  }
}

TEST(Optim, BitsDoNotDependOnThreads) {
  const auto trained = [](int count) {
    const int before = threads();
    set_threads(count);
    Tensor p = start(50000, Dtype::float32);
    Adam optimizer({{"p", p}});
    for (int step = 0; step < 3; ++step) {
      p.set_grad(full({50000}, 0.1 * (step + 1)));
      optimizer.step();
    }
    set_threads(before);
    return p.to_vector();
  };
  const auto one = trained(1);
  for (int count : {2, 3, 4}) EXPECT_EQ(trained(count), one) << count;
}

TEST(Optim, SavedStateGoesOnExactly) {
  Tensor p = start(37), q = start(5);
  Adam straight({{"p", p}, {"q", q}}, {.lr = 0.01, .amsgrad = true});
  run(straight, p, q, 0, 10);
  const NamedTensors saved = straight.state();
  Tensor p2 = from_data(p.data<double>(), p.shape()).requires_grad(true),
         q2 = from_data(q.data<double>(), q.shape()).requires_grad(true);
  Adam resumed({{"p", p2}, {"q", q2}}, {.lr = 0.5, .amsgrad = true});
  resumed.load_state(saved);
  EXPECT_EQ(resumed.lr(), 0.01);
  run(straight, p, q, 10, 20);
  run(resumed, p2, q2, 10, 20);
  EXPECT_EQ(p.to_vector(), p2.to_vector());
  EXPECT_EQ(q.to_vector(), q2.to_vector());
}

TEST(Optim, StateThatDoesNotFitIsNamed) {
  Tensor p = start(3), q = start(3);
  SGD optimizer({{"p", p}}, {.momentum = 0.9}), fresh({{"q", q}}, {.momentum = 0.9});
  p.set_grad(ones({3}, Dtype::float64));
  optimizer.step();
  NamedTensors state = optimizer.state();
  ASSERT_EQ(state.size(), 3u);
  EXPECT_EQ(state[2].first, "p.momentum_buffer");
  EXPECT_EQ(error_of<ParamError>([&] { fresh.load_state(state); }),
            "SGD: load_state got 'p.momentum_buffer', which is no state of this optimiser; restore the state of the "
            "same model");
  state[2].second = zeros({4}, Dtype::float64);
  EXPECT_EQ(error_of<ShapeError>([&] { optimizer.load_state(state); }),
            "SGD: load_state got 'p.momentum_buffer' as float64 (4), wanted float64 (3); restore the state of the same "
            "model");
  state.pop_back();
  EXPECT_EQ(error_of<ParamError>([&] { optimizer.load_state(state); }),
            "SGD: load_state found no 'p.momentum_buffer'; pass what state() returned");
  state[1].second = full({}, -4, Dtype::int64);
  EXPECT_EQ(error_of<ParamError>([&] { optimizer.load_state(state); }),
            "SGD: load_state got 'p.step' = -4, wanted at least 1; restore another state");
  state[1].second = Tensor();
  EXPECT_EQ(error_of<ParamError>([&] { optimizer.load_state(state); }),
            "SGD: load_state got 'p.step' undefined; pass what state() returned");
  EXPECT_EQ(error_of<ParamError>([&] { SGD({{"p", p}}).load_state({state[0], state[0]}); }),
            "SGD: load_state got 'lr' twice; pass what state() returned");
}

TEST(Optim, AParameterWithoutGradientIsSkippedAndNamed) {
  Tensor p = start(3), q = start(3);
  SGD optimizer({{"first", p}, {"second", q}}, {.lr = 1, .weight_decay = 0.5});
  p.set_grad(ones({3}, Dtype::float64));
  EXPECT_EQ(optimizer.without_gradient(), std::vector<std::string>{"second"});
  const auto before = q.to_vector();
  optimizer.step();
  EXPECT_EQ(q.to_vector(), before);
  optimizer.zero_grad();
  EXPECT_EQ(optimizer.without_gradient(), (std::vector<std::string>{"first", "second"}));
}

TEST(Optim, NothingIsAllocatedInSteadyState) {
  Tensor p = start(1000), q = start(20000);
  p.set_grad(ones({1000}, Dtype::float64));
  q.set_grad(ones({20000}, Dtype::float64));
  Adam adam({{"p", p}, {"q", q}});
  SGD sgd({{"p", p}, {"q", q}}, {.momentum = 0.9});
  adam.step(), sgd.step();
  const auto before = pool::figures();
  for (int i = 0; i < 10; ++i) adam.step(), sgd.step();
  const auto after = pool::figures();
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.misses, before.misses);
}

TEST(Optim, AStridedGradientIsUnderstood) {
  Tensor p = zeros({2, 3}, Dtype::float64).requires_grad(true);
  const Tensor g = tensor({1, 2, 3, 4, 5, 6}, {3, 2}, Dtype::float64);
  p.set_grad(g.alias({2, 3}, {1, 2}));
  SGD({{"p", p}}, {.lr = 1}).step();
  EXPECT_EQ(p.to_vector(), (std::vector<double>{-1, -3, -5, -2, -4, -6}));
}

TEST(Optim, WrongOptionsAreRefused) {
  Tensor p = start(3);
  const NamedTensors one = {{"p", p}};
  EXPECT_EQ(error_of<ParamError>([&] { SGD(one, {.lr = -1}); }),
            "SGD: got lr = -1, wanted a finite number that is not negative; try 0.001");
  EXPECT_EQ(error_of<ParamError>([&] { SGD(one, {.momentum = -0.5}); }),
            "SGD: got momentum = -0.5, wanted at least 0; try 0.9");
  EXPECT_EQ(error_of<ParamError>([&] { SGD(one, {.nesterov = true}); }),
            "SGD: got nesterov with momentum = 0 and dampening = 0, wanted momentum > 0 and dampening = 0; change "
            "those or leave nesterov out");
  EXPECT_EQ(error_of<ParamError>([&] { Adam(one, {.beta1 = 1}); }),
            "Adam: got beta1 = 1, wanted a number in [0, 1); leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { AdamW(one, {.eps = std::nan("")}); }),
            "AdamW: got eps = nan, wanted at least 0; leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { SGD({{"p", p}, {"p", p}}); }),
            "SGD: got two parameters named 'p'; give each its own name");
  EXPECT_EQ(error_of<ParamError>([&] { RMSprop(one, {.alpha = 1.5}); }),
            "RMSprop: got alpha = 1.5, wanted a number in [0, 1); leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { RMSprop(one, {.momentum = -1}); }),
            "RMSprop: got momentum = -1, wanted at least 0; try 0.9");
  EXPECT_EQ(error_of<ParamError>([&] { Adagrad(one, {.lr_decay = -1}); }),
            "Adagrad: got lr_decay = -1, wanted at least 0; leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { Adadelta(one, {.rho = -0.1}); }),
            "Adadelta: got rho = -0.1, wanted a number in [0, 1); leave it at its default");
  EXPECT_EQ(error_of<ParamError>([&] { Lion(one, {.beta2 = 1}); }),
            "Lion: got beta2 = 1, wanted a number in [0, 1); leave it at its default");
  const Tensor still = zeros({3});
  EXPECT_EQ(error_of<ParamError>([&] { SGD({{"still", still}}); }),
            "SGD: parameter 'still' does not require a gradient, wanted one that trains; call requires_grad(true)");
  EXPECT_EQ(error_of<ParamError>([&] { Adam({{"still", still}, {"too", zeros({2})}}); }),
            "Adam: parameter 'still' does not require a gradient, and none of the others does, wanted one that trains; "
            "call requires_grad(true)");
  SGD({{"frozen", still}, {"p", p}});
  SGD sgd(one);
  EXPECT_EQ(error_of<IndexError>([&] { sgd.set_lr(0.1, 3); }),
            "SGD: there is no group 3, wanted one in [0, 1); see groups()");
  EXPECT_EQ(error_of<ParamError>([&] { sgd.set_momentum(0.9, 0); }),
            "SGD: group 0 has no momentum; make the optimiser with one, or leave momentum alone");
  EXPECT_EQ(error_of<ParamError>([&] { sgd.add_group({{"r", p}}, {}); }),
            "SGD: parameter 'r' stands in another group already, wanted it in one; leave it out of this one");
  EXPECT_EQ(error_of<ParamError>([&] { sgd.add_group({{"p", start(3)}}, {}); }),
            "SGD: got two parameters named 'p'; give each its own name");
  EXPECT_EQ(error_of<ParamError>([&] { sgd.add_group({{"q", start(3)}}, {.momentum = -1}); }),
            "SGD: got momentum = -1, wanted at least 0; try 0.9");
  EXPECT_EQ(sgd.groups(), 1u);
  EXPECT_EQ(error_of<ParamError>([&] { sgd.set_lr(std::numeric_limits<double>::infinity()); }),
            "SGD: got lr = inf, wanted a finite number that is not negative; try 0.001");
}

// ---- clipping -----------------------------------------------------------------------------------

NamedTensors two_with_gradients(std::vector<double> first, std::vector<double> second) {
  NamedTensors list;
  for (const auto& g : {first, second}) {
    const Shape shape{int64_t(g.size())};
    Tensor p = zeros(shape, Dtype::float64).requires_grad(true);
    p.set_grad(tensor(g, shape, Dtype::float64));
    list.emplace_back(list.empty() ? "p0" : "p1", p);
  }
  return list;
}

TEST(Optim, ClipGradNormScalesTheWholeGradient) {  // as torch.nn.utils.clip_grad_norm_ 1.13
  const auto p = two_with_gradients({3, 0}, {-4});
  EXPECT_DOUBLE_EQ(clip_grad_norm(p, 1), 5);
  const double scale = 1 / (5 + 1e-6);
  EXPECT_DOUBLE_EQ(p[0].second.grad().at({0}), 3 * scale);
  EXPECT_DOUBLE_EQ(p[1].second.grad().at({0}), -4 * scale);
  const auto small = two_with_gradients({0.3, 0}, {-0.4});
  EXPECT_DOUBLE_EQ(clip_grad_norm(small, 1), 0.5);
  EXPECT_EQ(small[0].second.grad().at({0}), 0.3);
}

TEST(Optim, ClipGradNormKnowsOtherNorms) {
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({3, 1}, {-4}), 100, 1), 8);
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({3, 1}, {-4}), 100, std::numeric_limits<double>::infinity()), 4);
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({3, 1}, {-4}), 100, 3), std::cbrt(27 + 1 + 64));
  EXPECT_DOUBLE_EQ(clip_grad_norm({}, 1), 0);
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({0, 0}, {0}), 1), 0);
}

TEST(Optim, ClipGradNormIsRightAtAnyMagnitude) {
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({3e200, 0}, {4e200}), 1), 5e200);
  EXPECT_DOUBLE_EQ(clip_grad_norm(two_with_gradients({3e-200, 0}, {4e-200}), 1), 5e-200);
}

TEST(Optim, ClipGradNormSpreadsNaN) {
  const auto p = two_with_gradients({std::nan(""), 0}, {1});
  EXPECT_TRUE(std::isnan(clip_grad_norm(p, 1)));
  EXPECT_TRUE(std::isnan(p[1].second.grad().at({0})));
}

TEST(Optim, ClipGradValueClampsEachElement) {
  const auto p = two_with_gradients({3, -0.25}, {-4});
  clip_grad_value(p, 0.5);
  EXPECT_EQ(p[0].second.grad().to_vector(), (std::vector<double>{0.5, -0.25}));
  EXPECT_EQ(p[1].second.grad().to_vector(), std::vector<double>{-0.5});
  EXPECT_EQ(error_of<ParamError>([&] { clip_grad_value(p, -1); }),
            "clip_grad_value: got clip_value = -1, wanted at least 0; try 1");
}

}  // namespace
}  // namespace gradus
