// Functions of the user's own: gradients, double backward, what is kept, and every refusal word for word.
#include "gradus/autograd/custom_function.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"
#include "gradus/tests/gradient.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;
using In = const std::vector<Tensor>&;
using Out = std::vector<Tensor>;

Tensor leaf(const NestedList& values) { return tensor(values, Dtype::float64).requires_grad(true); }

const CustomFunction cube = {.name = "cube",
                             .forward =
                                 [](FunctionContext& context, In in) {
                                   context.save(in[0]);
                                   return in[0] * in[0] * in[0];
                                 },
                             .backward = [](const FunctionContext& context, const Tensor& g) -> Out {
                               return {g * 3.0 * square(context.saved(0))};
                             }};
// Kept by its result: the slope of exp is exp.
const CustomFunction exponential = {
    .name = "exponential",
    .forward =
        [](FunctionContext& context, In in) {
          Tensor y = exp(in[0]);
          context.save(y);
          return y;
        },
    .backward = [](const FunctionContext& context, const Tensor& g) -> Out { return {g * context.saved(0)}; }};
const CustomFunction product = {.name = "product",
                                .forward =
                                    [](FunctionContext& context, In in) {
                                      context.save(in[0]);
                                      context.save(in[1]);
                                      return in[0] * in[1];
                                    },
                                .backward = [](const FunctionContext& context, const Tensor& g) -> Out {
                                  Out gradients(2);
                                  if (context.wants(0)) gradients[0] = g * context.saved(1);
                                  if (context.wants(1)) gradients[1] = g * context.saved(0);
                                  return gradients;
                                }};

// A function that is right but for one member.
CustomFunction with(CustomFunction right, std::function<Out(const FunctionContext&, const Tensor&)> backward) {
  right.backward = std::move(backward);
  return right;
}

TEST(CustomFunctions, HaveTheGradientsOfTheirBackward) {
  expect_gradients([](In in) { return cube(in); }, {leaf({{1, -2}, {0.5, 3}})});
  expect_gradients([](In in) { return product(in); }, {leaf({1, -2, 0.5}), leaf({3, 0.25, -1})});
  expect_gradients([](In in) { return product({in[0], in[0]}); }, {leaf({1, -2, 0.5})});
  EXPECT_STREQ(cube({leaf({1})}).made_by(), "cube");
}

TEST(CustomFunctions, ThatKeepTheirResultAreDifferentiatedTwiceAndThrice) {
  expect_gradients([](In in) { return exponential(in); }, {leaf({1, -2, 0.5})});
  const Tensor x = leaf({0.5});
  Tensor y = exponential({x});
  for (int order = 1; order <= 3; ++order) {
    y = grad({y}, {x}, {}, {.create_graph = true})[0];
    EXPECT_DOUBLE_EQ(y.item(), std::exp(0.5)) << order;
  }
}

TEST(CustomFunctions, AreNotRecordedWithoutNeed) {
  EXPECT_FALSE(cube({tensor({2})}).requires_grad());
  const Tensor x = leaf({2});
  const NoGrad quiet;
  EXPECT_FALSE(cube({x}).requires_grad());
}

TEST(CustomFunctions, LeaveNothingBehind) {
  {
    const Tensor x = leaf({2});
    const Tensor y = exponential({cube({x})});
    backward(y, {}, {.create_graph = true});
    x.zero_grad();
  }
  EXPECT_EQ(pool::figures().live_nodes, 0);
}

TEST(CustomFunctions, MayReturnAnInputOrLeaveAGradientOut) {
  const CustomFunction same = {.name = "same",
                               .forward = [](FunctionContext&, In in) { return in[0]; },
                               .backward = [](const FunctionContext&, const Tensor& g) -> Out { return {g, {}}; }};
  const Tensor x = leaf({2}), unused = leaf({3});
  const Tensor y = same({x, unused});
  EXPECT_TRUE(x.is_leaf());
  backward(y * 5.0);
  EXPECT_EQ(x.grad().item(), 5);
  EXPECT_FALSE(unused.grad().defined());
  EXPECT_EQ(without_gradient({{"x", x}, {"unused", unused}, {"constant", tensor({1})}}),
            std::vector<std::string>{"unused"});
}

TEST(CustomFunctions, TakeUndefinedInputsAndLabels) {
  const CustomFunction biased = {
      .name = "biased",
      .forward = [](FunctionContext&, In in) { return in[1].defined() ? in[0] + in[1] : in[0] * 1.0; },
      .backward = [](const FunctionContext& context, const Tensor& g) -> Out {
        EXPECT_FALSE(context.wants(1));
        EXPECT_FALSE(context.wants(2));
        return {g, g, g};
      }};
  const Tensor x = leaf({2});
  backward(biased({x, {}, labels({1})}));
  EXPECT_EQ(x.grad().item(), 1);
}

TEST(CustomFunctions, NoticeWhatWasChangedInPlace) {
  Tensor x = leaf({2});
  const Tensor y = cube({x}), z = exponential({x});
  {
    NoGrad quiet;
    x.set({0}, 7);
  }
  EXPECT_EQ(error_of<StateError>([&] { backward(y); }),
            "cube: a tensor of shape (1) saved for backward was changed in place (saved at version 1, now 2); clone() "
            "it before changing it");
  z.detach().set({0}, 7);
  EXPECT_EQ(error_of<StateError>([&] { backward(z); }),
            "exponential: a tensor of shape (1) saved for backward was changed in place (saved at version 0, now 1); "
            "clone() it before changing it");
}

TEST(CustomFunctions, RefuseGradientsUnlikeTheInputs) {
  const auto message = [](auto kind, Out gradients) {
    const Tensor x = leaf({1, 2});
    const Tensor y = with(cube, [&](const FunctionContext&, const Tensor&) { return gradients; })({x});
    const std::string text = error_of<decltype(kind)>([&] { backward(sum(y)); });
    EXPECT_FALSE(x.grad().defined());
    return text;
  };
  const Tensor fitting = zeros({2}, Dtype::float64);
  EXPECT_EQ(
      message(StateError(""), {}),
      "cube: backward returned 0 gradients, wanted 1; return one per input, undefined for an input that gets none");
  EXPECT_EQ(
      message(StateError(""), {fitting, fitting}),
      "cube: backward returned 2 gradients, wanted 1; return one per input, undefined for an input that gets none");
  EXPECT_EQ(message(ShapeError(""), {zeros({3}, Dtype::float64)}),
            "cube: backward returned float64 (3) for input 0, which is float64 (2); return a gradient like it");
  EXPECT_EQ(message(DtypeError(""), {zeros({2})}),
            "cube: backward returned float32 (2) for input 0, which is float64 (2); return a gradient like it");
}

TEST(CustomFunctions, RefuseAForwardThatBreaksItsPromises) {
  const auto message = [](std::function<Tensor(FunctionContext&, In)> forward) {
    CustomFunction f = cube;
    f.forward = std::move(forward);
    return error_of<StateError>([&] { f({leaf({2})}); });
  };
  EXPECT_EQ(message([](FunctionContext&, In) { return Tensor(); }),
            "cube: forward returned an undefined tensor; return the result");
  EXPECT_EQ(message([](FunctionContext&, In in) {
              Tensor x = in[0];
              x.set({0}, 3);
              return x;
            }),
            "cube: forward changed input 0 in place; work on a clone() of it");
  const Tensor y =
      with(cube, [](const FunctionContext& context, const Tensor&) -> Out { return {context.saved(1)}; })({leaf({2})});
  EXPECT_EQ(error_of<IndexError>([&] { backward(y); }),
            "cube: saved tensor 1 was asked for, forward kept 1; save() it in forward");
}

// A number computed on the way is a constant to backward; that of backward would silently be wrong.
TEST(CustomFunctions, RefuseToDifferentiateThroughWhatForwardComputed) {
  CustomFunction f = {
      .name = "fifth",
      .forward =
          [](FunctionContext& context, In in) {
            context.save(pow(in[0], 4.0));
            return pow(in[0], 5.0);
          },
      .backward = [](const FunctionContext& context, const Tensor& g) -> Out { return {g * 5.0 * context.saved(0)}; }};
  const Tensor x = leaf({2});
  EXPECT_EQ(grad({f({x})}, {x})[0].item(), 80);
  EXPECT_EQ(error_of<StateError>([&] { grad({f({x})}, {x}, {}, {.create_graph = true}); }),
            "fifth: saved tensor 0 is neither an input nor the result, so the backward that uses it cannot be "
            "differentiated; compute it in backward from the inputs, or save_constant() it if it does not depend on "
            "them");
}

TEST(CustomFunctions, KeepConstantsAndMasks) {
  const CustomFunction masked = {.name = "masked",
                                 .forward =
                                     [](FunctionContext& context, In in) {
                                       context.save(in[0] > 0);
                                       context.save_constant(full({3}, 2.0, Dtype::float64));
                                       context.save(in[0]);
                                       return where(in[0] > 0, square(in[0]) * 2.0, 0);
                                     },
                                 .backward = [](const FunctionContext& context, const Tensor& g) -> Out {
                                   return {where(context.saved(0), g * 2.0 * context.saved(1) * context.saved(2), 0)};
                                 }};
  expect_gradients([&](In in) { return masked(in); }, {leaf({1, -2, 0.5})});
}

TEST(CustomFunctions, WithoutABackwardTheyAreForInputsWithoutGradient) {
  const CustomFunction twice = {
      .name = "twice", .forward = [](FunctionContext&, In in) { return in[0] * 2.0; }, .backward = {}};
  EXPECT_EQ(twice({tensor({1})}).item(), 2);
  EXPECT_EQ(error_of<StateError>([&] { twice({leaf({1})}); }),
            "twice: has no backward, and an input requires a gradient; give it one, or call it under NoGrad");
  EXPECT_EQ(error_of<StateError>([] { CustomFunction{.name = "none", .forward = {}, .backward = {}}({}); }),
            "none: has no forward; give it one");
}

}  // namespace
