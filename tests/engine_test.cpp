// The tape: order, accumulation, release, errors, and how far it can go.
#include <gtest/gtest.h>
#include <pthread.h>

#include <cmath>
#include <thread>

#include "gradus/autograd/anomaly.h"
#include "gradus/autograd/engine.h"
#include "gradus/autograd/hooks.h"
#include "gradus/core/error.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;

Tensor leaf(const NestedList& values) { return tensor(values, Dtype::float64).requires_grad(true); }

TEST(Engine, AddsTheGradientsOfEveryUse) {
  const Tensor x = leaf({3});
  backward(mul(x, x) + x * 2.0 + x);
  EXPECT_EQ(x.grad().to_vector(), std::vector<double>({6 + 2 + 1}));
}

TEST(Engine, AccumulatesOnLeavesAcrossBackwards) {
  const Tensor x = leaf({1, 2});
  backward(sum(mul(x, x)));
  const Tensor held = x.grad();
  backward(sum(mul(x, x)));
  EXPECT_EQ(x.grad().to_vector(), std::vector<double>({4, 8}));
  EXPECT_EQ(held.to_vector(), x.grad().to_vector()) << "grad() handles see later accumulation";
}

TEST(Engine, TwoLeavesNeverShareOneGradient) {
  const Tensor x = leaf({1}), y = leaf({2});
  backward(x + y);  // both receive the same upstream gradient
  EXPECT_FALSE(x.grad().same_storage(y.grad()));
  Tensor g = x.grad();
  g.set({0}, 7);
  EXPECT_EQ(y.grad().item(), 1);
}

TEST(Engine, WritesOverNoGradientThatSomebodyHolds) {
  const Tensor a = tensor({2, 3}).requires_grad(true), b = tensor({5, 7}).requires_grad(true);
  const Tensor given = tensor({1, 10});
  backward(mul(a, b), given);
  EXPECT_EQ(given.to_vector(), (std::vector<double>{1, 10}));
  EXPECT_EQ(a.grad().to_vector(), (std::vector<double>{5, 70}));
  EXPECT_EQ(b.grad().to_vector(), (std::vector<double>{2, 30}));

  Tensor seen;
  const Tensor product = mul(a, b), root = sqrt(product);
  const auto keep = [&](const Tensor& g) {
    seen = g;
    return Tensor();
  };
  HookHandle at_product = register_hook(product, keep);
  backward(sum(square(root)));
  EXPECT_EQ(seen.to_vector(), (std::vector<double>{1, 1}));

  const Tensor y = mul(a, b), z = sum(mul(y, y));
  const std::vector<Tensor> found = grad({z}, {y, a, b});
  EXPECT_EQ(found[0].to_vector(), (std::vector<double>{20, 42}));
  EXPECT_EQ(found[1].to_vector(), (std::vector<double>{100, 294}));
  EXPECT_EQ(found[2].to_vector(), (std::vector<double>{40, 126}));
}

TEST(Engine, BothSlopesOfABinaryOpInOnePassAreThoseOfTwo) {
  for (const Dtype dtype : {Dtype::float32, Dtype::float64})
    for (const int64_t n : {0, 1, 3, 16, 37}) {
      const auto made = [&](double scale) {
        std::vector<double> values(static_cast<size_t>(n));
        for (size_t i = 0; i < values.size(); ++i) values[i] = 0.75 + scale * double(i);
        return tensor(values, {n}, dtype).requires_grad(true);
      };
      const auto check = [&](auto op) {
        const Tensor a = made(0.3), b = made(-0.7);
        const std::vector<Tensor> both = grad({sum(square(op(a, b)))}, {a, b});
        const std::vector<Tensor> first = grad({sum(square(op(a, b.detach())))}, {a});
        const std::vector<Tensor> second = grad({sum(square(op(a.detach(), b)))}, {b});
        EXPECT_EQ(both[0].to_vector(), first[0].to_vector());
        EXPECT_EQ(both[1].to_vector(), second[0].to_vector());
      };
      check([](const Tensor& a, const Tensor& b) { return mul(a, b); });
      check([](const Tensor& a, const Tensor& b) { return div(a, b); });
      check([](const Tensor& a, const Tensor& b) { return maximum(a, b); });
    }
}

TEST(Engine, HandlesDiamondsOfDifferentDepths) {
  const Tensor x = leaf({2});
  Tensor deep = x;
  for (int i = 0; i < 5; ++i) deep = deep * 1.5;
  backward(mul(deep, x));  // 1.5^5 x²
  EXPECT_DOUBLE_EQ(x.grad().item(), 2 * std::pow(1.5, 5) * 2);
}

TEST(Engine, ReleasesTheGraphAndSaysSoTheSecondTime) {
  const Tensor x = leaf({2});
  const Tensor y = mul(x, x);
  backward(y);
  EXPECT_EQ(
      error_of<StateError>([&] { backward(y); }),
      "backward: the graph through 'mul' was already used and freed; pass retain_graph = true to the first backward");
}

TEST(Engine, RetainGraphRunsAgain) {
  const Tensor x = leaf({2});
  const Tensor y = mul(x, x);
  backward(y, {}, {.retain_graph = true});
  backward(y);
  EXPECT_EQ(x.grad().item(), 8);
}

TEST(Engine, RefusesWhatHasNoGradient) {
  EXPECT_EQ(error_of<StateError>([] { backward(tensor({1})); }),
            "backward: the output does not depend on a tensor that requires a gradient; call requires_grad(true) on an "
            "input before computing it");
  EXPECT_EQ(
      error_of<ShapeError>([] { backward(leaf({1, 2})); }),
      "backward: the output has shape (2), wanted a single number; reduce it with sum() or mean(), or pass a gradient");
  EXPECT_EQ(error_of<ShapeError>([] { backward(leaf({1, 2}), tensor({1}, Dtype::float64)); }),
            "backward: gradient has shape (1) but the output has shape (2); pass one of the output's shape");
  EXPECT_EQ(error_of<DtypeError>([] { tensor({1}, Dtype::int64).requires_grad(true); }),
            "requires_grad: the tensor is int64, gradients exist for float32 and float64; convert it with to()");
}

TEST(Engine, NamesWhoSavedATensorThatWasChanged) {
  const Tensor x = leaf({2});
  Tensor y = x * 3.0;
  const Tensor z = mul(y, y);
  {
    NoGrad quiet;
    y.detach().mutable_data<double>()[0] = 5;
  }
  EXPECT_EQ(error_of<StateError>([&] { backward(z); }),
            "mul: a tensor of shape (1) saved for backward was changed in place (saved at version 0, now 1); clone() "
            "it before changing it");
}

TEST(Engine, GuardsLeavesAgainstInPlaceWrites) {
  Tensor x = leaf({1, 2});
  EXPECT_EQ(error_of<StateError>([&] { x.set({0}, 5); }),
            "set: a leaf that requires a gradient cannot be changed in place while recording; use a NoGrad block");
  EXPECT_EQ(x.at({0}), 1);
  NoGrad quiet;
  x.set({0}, 5);
  EXPECT_EQ(x.at({0}), 5);
}

TEST(Engine, RecordsNothingUnderNoGrad) {
  const Tensor x = leaf({2});
  const NoGrad quiet;
  const Tensor y = mul(x, x);
  EXPECT_FALSE(y.requires_grad());
  EXPECT_TRUE(y.is_leaf());
}

TEST(Engine, TellsLeavesFromResults) {
  const Tensor x = leaf({2}), y = mul(x, x);
  EXPECT_TRUE(x.is_leaf());
  EXPECT_STREQ(x.made_by(), "");
  EXPECT_FALSE(y.is_leaf());
  EXPECT_STREQ(y.made_by(), "mul");
  EXPECT_FALSE(y.detach().requires_grad());
}

TEST(Engine, GradLeavesTheLeavesAlone) {
  const Tensor x = leaf({3}), y = leaf({4}), unused = leaf({1});
  const Tensor z = mul(mul(x, y), y);
  const auto g = grad({z}, {x, y, unused});
  EXPECT_EQ(g[0].item(), 16);
  EXPECT_EQ(g[1].item(), 24);
  EXPECT_FALSE(g[2].defined());
  EXPECT_FALSE(x.grad().defined());
}

TEST(Engine, GradOfAnInteriorTensor) {
  const Tensor x = leaf({3}), y = mul(x, x), z = mul(y, y);
  EXPECT_EQ(grad({z}, {y}, {}, {.retain_graph = true})[0].item(), 18);
  EXPECT_EQ(grad({z}, {y, x})[1].item(), 4 * 27);
}

TEST(Engine, DifferentiatesTwiceAndThrice) {
  const Tensor x = leaf({2});
  const Tensor y = mul(mul(x, x), mul(x, x));  // x⁴
  const Tensor d1 = grad({y}, {x}, {}, {.create_graph = true})[0];
  const Tensor d2 = grad({d1}, {x}, {}, {.create_graph = true})[0];
  const Tensor d3 = grad({d2}, {x})[0];
  EXPECT_DOUBLE_EQ(d1.item(), 32);
  EXPECT_DOUBLE_EQ(d2.item(), 48);
  EXPECT_DOUBLE_EQ(d3.item(), 48);
}

TEST(Engine, HookSeesTheCompleteGradientOnceAndMayReplaceIt) {
  const Tensor x = leaf({3});
  const Tensor y = x * 2.0;
  int calls = 0;
  register_hook(y, [&](const Tensor& g) {
    ++calls;
    EXPECT_EQ(g.item(), 2);  // of the two uses below
    return g * 10.0;
  });
  backward(y + y);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(x.grad().item(), 40);
  EXPECT_EQ(error_of<ShapeError>([] {
              const Tensor a = leaf({1});
              const Tensor b = a * 1.0;
              register_hook(b, [](const Tensor&) { return zeros({3}, Dtype::float64); });
              backward(b);
            }),
            "hook: returned float64 (3), the gradient is float64 (1); return one like it");
}

TEST(Engine, HooksRunInOrderAndMayBeRemoved) {
  const Tensor x = leaf({3});
  std::string order;
  const auto note = [&](char name) {
    return [&order, name](const Tensor&) {
      order += name;
      return Tensor();
    };
  };
  HookHandle first = register_hook(x, note('a')), second;
  second = register_hook(x, [&](const Tensor&) {
    order += 'b';
    second.remove();  // runs once
    return Tensor();
  });
  register_hook(x, note('c'));
  backward(mul(x, x));
  first.remove();
  first.remove();
  EXPECT_EQ(grad({mul(x, x)}, {x})[0].item(), 6);
  EXPECT_EQ(order, "abcc");
  HookHandle of_nothing;
  of_nothing.remove();
  {
    const Tensor gone = leaf({1});
    first = register_hook(gone, note('d'));
  }
  first.remove();
}

TEST(Engine, HooksOfALeafSeeTheSumOfAllItsUses) {
  const Tensor x = leaf({3});
  register_hook(x, [](const Tensor& g) { return g * 2.0; });
  backward(mul(x, x) + x);
  EXPECT_EQ(x.grad().item(), 14);
  EXPECT_EQ(
      error_of<StateError>([] { register_hook(tensor({1}), [](const Tensor& g) { return g; }); }),
      "register_hook: the tensor requires no gradient, so its hook would never run; call requires_grad(true) first");
}

TEST(Engine, GradOfSeveralOutputsIsThatOfTheirSum) {
  const Tensor x = leaf({3}), y = x * 2.0, z = mul(x, x);
  EXPECT_EQ(grad({y, z}, {x}, {tensor({10}, Dtype::float64), tensor({1}, Dtype::float64)})[0].item(), 26);
  const auto message = [&](const std::vector<Tensor>& inputs, const std::vector<Tensor>& gradients) {
    return error_of<Error>([&] { grad({x * 2.0}, inputs, gradients); });
  };
  EXPECT_EQ(message({x}, {x, x}), "grad: got 2 gradients for 1 outputs; pass one per output, or none");
  EXPECT_EQ(message({x, tensor({1})}, {}),
            "grad: input 1 requires no gradient; call requires_grad(true) on it before computing the outputs");
  EXPECT_EQ(message({x}, {tensor({1, 2}, Dtype::float64)}),
            "grad: gradient has shape (2) but the output has shape (1); pass one of the output's shape");
  EXPECT_EQ(message({x}, {tensor({1})}), "grad: gradient is float32 but the output is float64; convert it with to()");
}

TEST(Engine, DetachCutsTheGraphAndSharesTheElements) {
  const Tensor x = leaf({3});
  const Tensor y = mul(x, x), cut = y.detach();
  EXPECT_TRUE(cut.same_storage(y));
  backward(mul(x, cut));
  EXPECT_EQ(x.grad().item(), 9);
}

TEST(Engine, AFailedBackwardLeavesNothingBehind) {
  const Tensor x = leaf({2});
  const Tensor bad = x * 1.0;
  bool armed = true;
  register_hook(bad, [&](const Tensor&) -> Tensor {
    if (armed) throw DomainError("a hook failed");
    return {};
  });
  const Tensor y = bad + mul(x, x);
  EXPECT_THROW(backward(y), DomainError);
  armed = false;
  const Tensor again = x * 3.0;
  x.zero_grad();
  backward(again);
  EXPECT_EQ(x.grad().item(), 3) << "half-summed gradients of the failed pass must be gone";
}

TEST(Engine, AnomalyModeNamesTheOpOfABackward) {
  const AnomalyMode looking;
  const Tensor x = leaf({0});
  const Tensor y = sqrt(x) * 0.0;  // whose backward multiplies 0 by an infinite slope
  EXPECT_EQ(
      error_of<DomainError>([&] { backward(y); }),
      "backward of sqrt: the gradient of its input 0 is NaN at element 0; look at what the forward sqrt was given");
}

TEST(Engine, AnomalyModeNamesTheOpOfAForward) {
  const Tensor x = leaf({4, -1, 0});
  const auto made = [&] { return exp(log(x)); };
  EXPECT_TRUE(std::isnan(made().at({1}))) << "without it nothing is said";
  const AnomalyMode looking;
  EXPECT_EQ(error_of<DomainError>([&] { made(); }),
            "forward of log: its output of shape (3) is NaN at element 1; look at what log was given");
  EXPECT_EQ(error_of<DomainError>([&] { log(x).backward(full({3}, 1, Dtype::float64)); }),
            "forward of log: its output of shape (3) is NaN at element 1; look at what log was given")
      << "of the last op";
  const Tensor given = tensor({1, NAN, 0}, Dtype::float64);
  EXPECT_EQ(
      error_of<DomainError>([&] { x* given; }),
      "forward of mul: its input 1 of shape (3) is NaN at element 1, and no recorded op made it; look at the data "
      "and the parameters");
}

TEST(Engine, AnomalyModeLooksForInfinitiesWhenAsked) {
  const Tensor x = leaf({1, 0});
  const auto made = [&] { return sum(log(x)); };
  {
    const AnomalyMode looking;
    EXPECT_NO_THROW(made()) << "a mask is allowed its infinities";
    const AnomalyMode closer(Anomaly::non_finite);
    EXPECT_EQ(error_of<DomainError>([&] { made(); }),
              "forward of log: its output of shape (2) is infinite at element 1; look at what log was given");
  }
  EXPECT_NO_THROW(made());
  EXPECT_FALSE(anomaly_mode());
}

TEST(Engine, FollowsViewsBackToTheirOrigin) {
  const Tensor x = leaf({{1, 2, 3}, {4, 5, 6}});
  backward(sum(mul(reshape(transpose(x, 0, 1), {6}), tensor({1, 2, 3, 4, 5, 6}, Dtype::float64))));
  EXPECT_EQ(x.grad().to_vector(), std::vector<double>({1, 3, 5, 2, 4, 6}));
}

// A chain of a million ops builds, runs backward and frees on a stack of 256 KB.
void* million_ops(void* result) {
  const Tensor x = full({1}, 1.0).requires_grad(true);
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y * 1.0;
  backward(y, {}, {.retain_graph = true});
  *static_cast<double*>(result) = x.grad().item();
  return nullptr;  // and here the whole chain goes
}

TEST(Engine, AMillionOpsFitASmallStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread;
  double gradient = 0;
  ASSERT_EQ(pthread_create(&thread, &attributes, million_ops, &gradient), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(gradient, 1);
  EXPECT_EQ(pool::figures().live_nodes, 0);
}

TEST(Engine, ThreadsBuildGraphsOfTheirOwn) {
  std::vector<double> results(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &results] {
      const Tensor x = full({3}, t + 1.0, Dtype::float64).requires_grad(true);
      for (int i = 0; i < 200; ++i) {
        x.zero_grad();
        backward(sum(mul(mul(x, x), x)));
      }
      results[t] = x.grad().at({0});
    });
  for (auto& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) EXPECT_DOUBLE_EQ(results[t], 3 * (t + 1.0) * (t + 1.0));
}

TEST(Engine, AGraphBuiltHereMayRunElsewhere) {
  const Tensor x = leaf({2});
  Tensor y = mul(x, x);
  std::thread([&] {
    backward(y);
    y = Tensor();
  }).join();
  EXPECT_EQ(x.grad().item(), 4);
}

}  // namespace
