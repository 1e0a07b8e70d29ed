// Tensors on a device: making them, moving them, computing losses on them, and what is said where that cannot be.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "gradus/autograd/engine.h"
#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/print.h"
#include "gradus/losses/cross_entropy.h"
#include "gradus/losses/huber_loss.h"
#include "gradus/losses/mse_loss.h"
#include "gradus/losses/sparsemax_loss.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/loss.h"
#include "gradus/nn/sequential.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/dropout.h"
#include "gradus/ops/embedding.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/math.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/normalize.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/scan.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/softmax.h"
#include "gradus/ops/sort.h"
#include "gradus/optim/adadelta.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/lion.h"
#include "gradus/optim/rmsprop.h"
#include "gradus/optim/sgd.h"
#include "gradus/optim/weight_average.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;
using Numbers = std::vector<double>;

Tensor ramp(const Shape& shape) {
  Tensor x(shape, Dtype::float64);
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data<double>()[i] = double(i % 97);
  return x;
}
Tensor on_device(const NestedList& values, Dtype dtype = Dtype::float32) { return to(tensor(values, dtype), cuda()); }

// ---- tensors ------------------------------------------------------------------------------------

TEST(Device, TensorsMoveThereAndBack) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}), there = to(x, cuda()), back = to(there, cpu);
  EXPECT_EQ(there.device(), cuda());
  EXPECT_EQ(there.shape(), (Shape{2, 3}));
  EXPECT_EQ(back.device(), cpu);
  EXPECT_EQ(back.to_vector(), x.to_vector());
  EXPECT_EQ(there.to_vector(), x.to_vector());
  EXPECT_TRUE(to(there, cuda()).same_storage(there)) << "a tensor that is there already is itself";
}

TEST(Device, ElementsAreReadAndWritten) {
  Tensor x = on_device({{1, 2}, {3, 4}}, Dtype::float64);
  EXPECT_EQ(x.at({1, 0}), 3);
  x.set({1, 0}, 7);
  EXPECT_EQ(x.to_vector(), (Numbers{1, 2, 7, 4}));
  EXPECT_EQ(on_device({5}, Dtype::int64).item_integer(), 5);
}

TEST(Device, ViewsAndDtypesAreCopied) {
  const Dtype all[] = {Dtype::float32, Dtype::float64, Dtype::int64,   Dtype::int32,
                       Dtype::uint8,   Dtype::boolean, Dtype::float16, Dtype::bfloat16};
  const Tensor x = tensor({{0, 1, 2}, {3, 4, 250}}, Dtype::float64);
  for (const Dtype from : all)
    for (const Dtype into : all) {
      const Tensor here = to(x, from), columns = here.alias({3, 2}, {1, 3}), there = to(here, cuda());
      EXPECT_EQ(to(there, into).to_vector(), to(here, into).to_vector()) << name_of(from) << " to " << name_of(into);
      EXPECT_EQ(there.alias({3, 2}, {1, 3}).to_vector(), columns.to_vector()) << name_of(from);
      EXPECT_EQ(to(columns, cuda()).to_vector(), columns.to_vector()) << name_of(from);
    }
}

TEST(Device, SumsAnyDimensions) {
  const Tensor x = ramp({3, 40, 50});
  for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}})
    for (const bool keep : {false, true}) {
      const Tensor here = sum(x, dims, keep), there = sum(to(x, cuda()), dims, keep);
      EXPECT_EQ(there.shape(), here.shape());
      EXPECT_EQ(there.to_vector(), here.to_vector());
    }
  const Tensor many = ones({200000}, Dtype::float32);
  EXPECT_EQ(sum(to(many, cuda())).item(), 200000) << "a long sum is cut into parts";
}

// What an op gives there is what it gives here: dtype, shape and every element.
void same(const char* what, const std::function<Tensor(const std::vector<Tensor>&)>& f,
          const std::vector<Tensor>& inputs) {
  std::vector<Tensor> there;
  for (const Tensor& t : inputs) there.push_back(to(t, cuda()));
  const Tensor want = f(inputs), got = f(there);
  EXPECT_EQ(got.device(), cuda()) << what;
  EXPECT_EQ(got.dtype(), want.dtype()) << what;
  EXPECT_EQ(to_string(to(got, cpu)), to_string(want)) << what;
}
using In = const std::vector<Tensor>&;
constexpr Dtype every_number[] = {Dtype::float64, Dtype::float32, Dtype::int64, Dtype::int32, Dtype::uint8};

TEST(Device, ExtremesAndTruthsOfAnyDtype) {
  for (const Dtype dtype : every_number) {
    const Tensor x = tensor({{3, 1, 2}, {0, 7, 7}, {0, 0, 0}}, dtype);
    same("amax", [](In in) { return amax(in[0], {0}); }, {x});
    same("amin", [](In in) { return amin(in[0], {1}, true); }, {x});
    same("max", [](In in) { return max(in[0]); }, {x});
    same("argmax", [](In in) { return argmax(in[0], 1); }, {x});
    same("argmin of all", [](In in) { return argmin(in[0]); }, {x});
    same("sum", [](In in) { return sum(in[0], {0}); }, {x});
    same("prod", [](In in) { return prod(in[0], {1}); }, {x});
    same("any", [](In in) { return any(in[0], {1}); }, {x});
    same("all", [](In in) { return all(in[0], {0}); }, {x});
  }
  const Tensor with_nan = tensor({{1, NAN, 3}, {-INFINITY, -INFINITY, 2}}, Dtype::float64);
  same("a NaN is the largest", [](In in) { return amax(in[0], {1}); }, {with_nan});
  same("and its place the first", [](In in) { return argmax(in[0], 1); }, {with_nan});
  same("the smallest", [](In in) { return argmin(in[0], 1); }, {with_nan});
  same("none of nothing", [](In in) { return any(in[0], {1}); }, {zeros({2, 0}, Dtype::boolean)});
  same("all of nothing", [](In in) { return all(in[0], {1}); }, {zeros({2, 0}, Dtype::boolean)});
  Tensor many = ramp({70000});
  many.set({50000}, 1000);
  many.set({60000}, 1000);
  same("the first of a row in parts", [](In in) { return argmax(in[0]); }, {many});
}

TEST(Device, SortsAndPicksAnyDtype) {
  for (const Dtype dtype : every_number) {
    const Tensor x = tensor({{3, 1, 2, 1}, {0, 7, 7, 5}}, dtype), mask = tensor({1, 0, 0, 1}, Dtype::boolean);
    same("argsort", [](In in) { return argsort(in[0], 1); }, {x});
    same("argsort downwards", [](In in) { return argsort(in[0], 0, true); }, {x});
    same("sort", [](In in) { return sort(in[0], 1).values; }, {x});
    same("topk", [](In in) { return topk(in[0], 2, 1).values; }, {x});
    same("gather", [](In in) { return gather(in[0], 1, in[1]); }, {x, labels({3, 0}).alias({2, 1}, {1, 1})});
    same("masked_fill", [](In in) { return masked_fill(in[0], in[1], 9); }, {x, mask});
    same("masked_select", [](In in) { return masked_select(in[0], in[1]); }, {x, mask});
    same("tril", [](In in) { return tril(in[0]); }, {x});
  }
  same("a NaN comes last", [](In in) { return argsort(in[0], 0); }, {tensor({2, NAN, -INFINITY, 1}, Dtype::float64)});
  same("one_hot", [](In in) { return one_hot(in[0], 4); }, {labels({3, 0, 1})});
  same("running sums", [](In in) { return cumsum(in[0], 0); }, {labels({5, -2, 1 << 30})});
  same("running products", [](In in) { return cumprod(in[0], 0); }, {labels({5, -2, 1 << 30})});
}

TEST(Device, DropsTheSameElements) {
  const Tensor x = ramp({1001});
  Generator here(3), there(3);
  EXPECT_EQ(dropout(to(x, cuda()), 0.3, true, there).to_vector(), dropout(x, 0.3, true, here).to_vector());
}

TEST(Device, RunningStatisticsMove) {
  const Tensor x = ramp({4, 3, 5});
  Tensor here[2] = {zeros({3}, Dtype::float64), ones({3}, Dtype::float64)};
  Tensor there[2] = {to(here[0], cuda()), to(here[1], cuda())};
  batch_norm(x, Tensor(), Tensor(), here[0], here[1]);
  batch_norm(to(x, cuda()), Tensor(), Tensor(), there[0], there[1]);
  for (int i = 0; i < 2; ++i)
    for (int64_t c = 0; c < 3; ++c) EXPECT_NEAR(there[i].at({c}), here[i].at({c}), 1e-12);
}

TEST(Device, ComparisonsAndChoices) {
  const double inf = INFINITY;
  const Tensor a = tensor({{-1, 0, 2}, {NAN, inf, -inf}}, Dtype::float64), row = tensor({-1, 1, 2}, Dtype::float64);
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64, Dtype::uint8}) {
    const Tensor x = dtype == Dtype::int64 || dtype == Dtype::uint8 ? tensor({{7, 0, 2}, {1, 5, 3}}, dtype)
                                                                    : to(a, dtype),
                 y = dtype == Dtype::uint8 ? tensor({0, 1, 2}, dtype) : to(row, dtype);
    same("eq", [](In in) { return eq(in[0], in[1]); }, {x, y});
    same("ne", [](In in) { return ne(in[0], in[1]); }, {x, y});
    same("lt", [](In in) { return lt(in[0], in[1]); }, {x, y});
    same("le", [](In in) { return le(in[0], in[1]); }, {x, y});
    same("gt", [](In in) { return gt(in[0], in[1]); }, {transpose(x, 0, 1), unsqueeze(y, 1)});
    same("ge", [](In in) { return ge(in[0], in[1]); }, {x, y});
    same("gt a number", [](In in) { return in[0] > 0.5; }, {x});
    same("isnan", [](In in) { return isnan(in[0]); }, {x});
    same("isinf", [](In in) { return isinf(in[0]); }, {x});
    same("isfinite", [](In in) { return isfinite(in[0]); }, {x});
    same("logic", [](In in) { return ((in[0] > 0) & (in[1] < 2)) | !in[0]; }, {x, y});
  }
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64, Dtype::boolean}) {
    const Tensor mask = tensor({1, 0, 1}, Dtype::boolean), x = to(tensor({{1, 2, 0}, {4, 0, 6}}), dtype);
    same("where", [](In in) { return where(in[0], in[1], in[2]); }, {mask, x, select(x, 0, 1)});
    same("where a number", [](In in) { return where(in[0], in[1], 1.0); }, {mask, x});
    same("where a number first", [](In in) { return where(in[0], 1.0, in[1]); }, {mask, x});
  }
}

// More than one tile in every direction, with ragged ends; batches that broadcast; transposed operands.
TEST(Device, MatricesMultiply) {
  Generator generator(3);
  const Tensor a = randn({2, 1, 19, 35}, Dtype::float64, generator), b = randn({3, 18, 35}, Dtype::float64, generator);
  const Tensor here = matmul(a, transpose(b, -2, -1)), there = matmul(to(a, cuda()), transpose(to(b, cuda()), -2, -1));
  EXPECT_EQ(there.shape(), (Shape{2, 3, 19, 18}));
  const Numbers got = there.to_vector(), want = here.to_vector();
  for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-12) << i;
  EXPECT_EQ(matmul(to(zeros({2, 0}), cuda()), to(zeros({0, 3}), cuda())).to_vector(), Numbers(6, 0.0));
  EXPECT_EQ(matmul(to(zeros({0, 2}), cuda()), to(zeros({2, 3}), cuda())).shape(), (Shape{0, 3}));
}

TEST(Device, EmptyTensorsMove) {
  const Tensor none = to(zeros({0, 3}), cuda());
  EXPECT_EQ(none.shape(), (Shape{0, 3}));
  EXPECT_TRUE(none.to_vector().empty());
  EXPECT_EQ(mse_loss(none, none).item(), 0);
}

TEST(Device, GradientsFlowThroughTheMove) {
  const Tensor x = tensor({1, 2, 4}).requires_grad(true), y = on_device({0, 0, 0});
  backward(mse_loss(to(x, cuda()), y, {}, Reduction::sum));
  EXPECT_EQ(x.grad().device(), cpu);
  EXPECT_EQ(x.grad().to_vector(), (Numbers{2, 4, 8}));
}

TEST(Device, GradientsAccumulateThere) {
  const Tensor x = on_device({1, 2}).requires_grad(true), y = on_device({0, 0});
  for (int i = 0; i < 2; ++i) backward(mse_loss(x, y, {}, Reduction::sum));
  EXPECT_EQ(x.grad().device(), cuda());
  EXPECT_EQ(x.grad().to_vector(), (Numbers{4, 8}));
  x.zero_grad();
  backward(mse_loss(x, x.detach()));
  EXPECT_EQ(x.grad().to_vector(), (Numbers{0, 0}));
}

TEST(Device, RunsAreBitEqual) {
  const Tensor x = to(ramp({77, 1000}), cuda()), y = zeros_like(x);
  const Tensor first = mse_loss(x, y), second = mse_loss(x, y);
  EXPECT_EQ(first.item(), second.item());
}

// ---- errors -------------------------------------------------------------------------------------

TEST(DeviceErrors, LabelsOutOfRangeAreToldAsOnTheCpu) {
  const Tensor x = zeros({4, 3}), y = labels({0, 2, 3, -7});
  const auto said = [&](Device d) { return error_of<IndexError>([&] { cross_entropy(to(x, d), to(y, d)); }); };
  EXPECT_EQ(said(cpu), "cross_entropy: label 3 at row 2 is outside [0, 3)");
  EXPECT_EQ(said(cuda()), said(cpu));
  EXPECT_NEAR(cross_entropy(to(x, cuda()), to(labels({0, 1, 2, -100}), cuda())).item(), std::log(3.0), 1e-6)
      << "the device works on";
}

// A whole step with a label out of range goes through, for nothing in it is read; the next read tells, and the device
// works on.
TEST(DeviceErrors, AStepOfTrainingWaitsForNothing) {
  Generator generator(5);
  Sequential model(Linear(6, 9, true, generator), ReLU(), Linear(9, 3, true, generator));
  model.to(cuda());
  AdamW optimiser(model.named_parameters(), {.lr = 0.01});
  const Tensor x = to(randn({4, 6}, Dtype::float32, generator), cuda()), bystander = zeros({2}, Dtype::float32, cuda());
  const auto step = [&](const Tensor& y) {
    const Tensor loss = cross_entropy(model(x), y);
    backward(loss);
    optimiser.step();
    optimiser.zero_grad();
    return loss;
  };
  const Tensor wrong = to(labels({0, 2, 3, 1}), cuda()), right = to(labels({0, 2, 1, 1}), cuda());
  const char* said = "cross_entropy: label 3 at row 2 is outside [0, 3)";
  const Tensor loss = step(wrong);
  EXPECT_EQ(error_of<IndexError>([&] { loss.item(); }), said);
  step(wrong);
  EXPECT_EQ(error_of<IndexError>([&] { bystander.to_vector(); }), said) << "whatever is read";
  step(wrong);
  EXPECT_EQ(error_of<IndexError>([&] { synchronise(cuda()); }), said);
  synchronise(cuda());
  step(right), step(wrong), step(right);
  EXPECT_EQ(error_of<IndexError>([&] { bystander.to_vector(); }), said);
  EXPECT_TRUE(std::isfinite(step(right).item()));
  for (int i = 0; i < 200; ++i) step(right);  // more than are kept
  EXPECT_TRUE(std::isfinite(step(right).item()));
}

// Indices are brought inside where they are used, and told by whoever reads next; nothing waits for them.
TEST(DeviceErrors, AWrongIndexIsToldAtTheNextRead) {
  const Tensor x = to(ramp({3, 2}), cuda()), wrong = to(labels({0, 3}), cuda()), low = to(labels({-1, 1}), cuda());
  const auto said = [&](auto use) {
    const Tensor y = use();  // does not wait
    const std::string text = error_of<IndexError>([&] { y.to_vector(); });
    y.to_vector();
    return text;
  };
  EXPECT_EQ(said([&] { return embedding(x, wrong); }), "embedding: index 3 at position 1 is outside [0, 3)");
  EXPECT_EQ(said([&] { return index_select(x, 0, low); }), "index_select: index -1 at position 0 is outside [0, 3)");
  EXPECT_EQ(said([&] { return index_add(x, 0, wrong, slice(x, 0, 0, 2)); }),
            "index_add: index 3 at position 1 is outside [0, 3)");
  EXPECT_EQ(said([&] { return gather(x, 0, unsqueeze(wrong, 1)); }), "gather: index 3 at position 1 is outside [0, 3)");
  EXPECT_EQ(said([&] { return one_hot(wrong, 3); }), "one_hot: label 3 at position 1 is outside [0, 3)");
}

// What the number of elements that count decides, the device decides by itself.
TEST(Device, MeansAndTheirGradientsAreMadeThere) {
  const Tensor logits = ramp({5, 3});
  struct Way {
    const char* name;
    Tensor labels;
    Reduction reduction;
    Empty empty;
  };
  const Tensor some = labels({0, -100, 2, -100, 1}), none = labels({-100, -100, -100, -100, -100});
  for (const Way& way : {Way{"mean", some, Reduction::mean, Empty::zero}, Way{"sum", some, Reduction::sum, Empty::zero},
                         Way{"batchmean", some, Reduction::batchmean, Empty::zero},
                         Way{"mean_active", some, Reduction::mean_active, Empty::zero},
                         Way{"mean of nothing", none, Reduction::mean, Empty::zero},
                         Way{"mean of nothing, NaN", none, Reduction::mean, Empty::nan}}) {
    const auto on = [&](Device d) {
      const Tensor x = to(logits, d).detach().requires_grad(true);
      const Tensor loss = cross_entropy(x, to(way.labels, d), {}, way.reduction, way.empty);
      backward(loss * 3.0);
      Numbers all = to(x.grad(), cpu).to_vector();
      all.push_back(loss.item());
      return all;
    };
    const Numbers here = on(cpu), there = on(cuda());
    for (size_t i = 0; i < here.size(); ++i)
      EXPECT_TRUE(std::abs(here[i] - there[i]) <= 1e-6 || (std::isnan(here[i]) && std::isnan(there[i])))
          << way.name << ": " << there[i] << " at " << i << ", wanted " << here[i];
  }
}

TEST(DeviceErrors, ValuesOutOfRangeAreToldAsOnTheCpu) {
  Tensor x = zeros({3, 700}), w = ones({3, 700});
  w.set({1, 650}, -2);
  w.set({2, 3}, -4);
  const auto said = [&](Device d) {
    return error_of<ParamError>([&] { huber_loss(to(x, d), to(x, d), {.weight = to(w, d)}); });
  };
  EXPECT_EQ(said(cpu), "huber_loss: weight is -2 at (1,650), wanted a value >= 0");
  EXPECT_EQ(said(cuda()), said(cpu));
  EXPECT_EQ(error_of<ParamError>([&] { huber_loss(to(x, cuda()), to(x, cuda()), {.delta = -1.0}); }),
            "huber_loss: delta is -1, wanted a value > 0");
}

TEST(DeviceErrors, TensorsOnTwoDevicesAreBothNamed) {
  const Tensor here = ones({2}), there = to(here, cuda());
  EXPECT_EQ(error_of<DeviceError>([&] { mse_loss(here, there); }),
            "mse_loss: target is on cuda:0 but input is on cpu; move one with to()");
  EXPECT_EQ(error_of<DeviceError>([&] { add(here, there); }), "add: got tensors on cpu and cuda:0; move one with to()");
  const Tensor x = to(here, cuda()).requires_grad(true), loss = mse_loss(x, there, {}, Reduction::none);
  EXPECT_EQ(error_of<DeviceError>([&] { backward(loss, here); }),
            "backward: gradient is on cpu but the output is on cuda:0; move one with to()");
}

TEST(DeviceErrors, WhoReadsItsMemoryIsToldWhereItLies) {
  const Tensor x = on_device({1, 2});
  EXPECT_EQ(error_of<DeviceError>([&] { x.data<float>("peek"); }),
            "peek: has no kernel on cuda:0; move its tensors with to(x, cpu)");
}

TEST(DeviceErrors, IndicesOutOfRangeAreToldAsOnTheCpu) {
  const auto says = [](auto f) {
    const std::string here = error_of<IndexError>([&] { f(cpu); }),
                      there = error_of<IndexError>([&] { f(cuda()), synchronise(cuda()); });
    EXPECT_NE(here, "");
    EXPECT_EQ(there, here);
  };
  const auto at = [](Device d) { return to(labels({0, 3}), d); };
  says([&](Device d) { index_select(zeros({3, 2}, Dtype::float32, d), 0, at(d)); });
  says([&](Device d) { gather(zeros({3}, Dtype::float32, d), 0, at(d)); });
  says([&](Device d) { embedding(zeros({3, 2}, Dtype::float32, d), at(d)); });
  says([&](Device d) { one_hot(at(d), 3); });
  says([&](Device d) { sparsemax_loss(zeros({2, 3}, Dtype::float32, d), at(d)); });
  EXPECT_EQ(error_of<DeviceError>([&] { index_select(zeros({3, 2}, Dtype::float32, cuda()), 0, at(cpu)); }),
            "index_select: index is on cpu but input is on cuda:0; move one with to()");
  EXPECT_EQ(error_of<DeviceError>([&] { embedding(zeros({3, 2}), at(cuda())); }),
            "embedding: indices is on cuda:0 but weight is on cpu; move one with to()");
}

// ---- derivatives of higher order ----------------------------------------------------------------

// The gradient of a sum of squared gradients.
std::vector<double> of_second_order(Device device, const std::function<Tensor(const Tensor&)>& f) {
  const Tensor x = to(tensor({{0.3, -1.2, 0.8}, {2.0, 0.1, -0.4}}, Dtype::float64), device).requires_grad(true);
  const Tensor g = grad({f(x)}, {x}, {}, {.create_graph = true})[0];
  backward(sum(square(g)));
  return x.grad().to_vector();
}

TEST(Device, SecondDerivativesAreThoseOfTheCpu) {
  const auto same = [](const char* what, const std::function<Tensor(const Tensor&)>& f) {
    const std::vector<double> here = of_second_order(cpu, f), there = of_second_order(cuda(), f);
    ASSERT_EQ(here.size(), there.size()) << what;
    for (size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(there[i], here[i], 1e-12) << what;
  };
  const auto target = [](const Tensor& x) { return to(labels({2, 0}), x.device()); };
  same("a Map", [](const Tensor& x) { return huber_loss(x, zeros_like(x)); });
  same("a Map without reduction",
       [](const Tensor& x) { return sum(huber_loss(x, zeros_like(x), {}, Reduction::none)); });
  same("a Fold", [&](const Tensor& x) { return cross_entropy(x, target(x)); });
  same("a Block", [&](const Tensor& x) { return sparsemax_loss(x, target(x)); });
  same("softmax", [](const Tensor& x) { return sum(square(softmax(x, 1))); });
  same("a layer norm", [](const Tensor& x) { return sum(pow(layer_norm(x, {3}), 3)); });
}

TEST(DeviceErrors, ADeviceThatDoesNotExistIsRefused) {
  const std::string last = std::to_string(device_count());
  EXPECT_EQ(error_of<DeviceError>([] { to(ones({1}), cuda(200)); }),
            "allocate: cuda:200 does not exist, wanted an index below " + last + "; see gradus devices");
}

TEST(DeviceErrors, MemoryThatEndsIsAnErrorAndComesBack) {
  const int64_t all = properties_of(cuda()).bytes;
  const std::string said = error_of<MemoryError>([&] { Tensor({all / 4 + 1}, Dtype::float32, cuda()); });
  EXPECT_EQ(said.rfind("allocate: cuda:0 has no room for ", 0), 0u) << said;
  const DeviceUse before = use_of(cuda());
  {
    const Tensor held({1000}, Dtype::float32, cuda()), view = held.alias({10}, {1});
    EXPECT_EQ(use_of(cuda()).bytes, before.bytes + 4000);
    EXPECT_EQ(use_of(cuda()).storages, before.storages + 1);
    const std::string more = error_of<MemoryError>([&] { Tensor({all / 4 + 1}, Dtype::float32, cuda()); });
    EXPECT_NE(more.find("; " + std::to_string(before.storages + 1) + " tensors hold "), std::string::npos) << more;
  }
  EXPECT_EQ(use_of(cuda()).bytes, before.bytes);
  EXPECT_EQ(Tensor({16}, Dtype::float32, cuda()).numel(), 16);
}

// The tensors that hold the memory are named by what made them, the largest share first.
TEST(DeviceErrors, WhoRunsOutOfMemoryIsToldWhatHoldsIt) {
  const auto said = [] {
    return error_of<MemoryError>([] { Tensor({properties_of(cuda()).bytes}, Dtype::float32, cuda()); });
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  const Tensor a = to(ramp({40, 30}), cuda()), large = zeros({1 << 18}, Dtype::int64, cuda());
  const DeviceUse before = use_of(cuda());
  {
    std::vector<Tensor> held;
    for (int i = 0; i < 3; ++i) held.push_back(matmul(a, transpose(a, 0, 1)));
    const Tensor x = on_device({1, 2, 3}).requires_grad(true), loss = mse_loss(x, x.detach(), {}, Reduction::none);
    const std::string text = said();
    EXPECT_TRUE(has(text, "1 × fill int64 (262144): 2.0 MiB, ")) << text;
    EXPECT_TRUE(has(text, "3 × matmul float64 (40,40): 37.5 KiB")) << text;
    EXPECT_TRUE(has(text, "1 × copy float64 (40,30): 9.4 KiB")) << text;
    EXPECT_LT(text.find("fill int64"), text.find("3 × matmul")) << text;
    EXPECT_TRUE(has(text, "MiB at most until now: ")) << text;
    EXPECT_TRUE(has(text, "); free tensors or make them smaller")) << text;
    EXPECT_TRUE(has(memory_report(cuda(), 1000), "mse_loss float32 (3): ")) << memory_report(cuda(), 1000);
    EXPECT_EQ(memory_report(cuda(), 1).find(" × others: "), memory_report(cuda(), 1).rfind(" × "));
  }
  EXPECT_FALSE(has(said(), "matmul float64 (40,40)")) << said();
  EXPECT_GE(use_of(cuda()).most_bytes, before.bytes + 3 * 40 * 40 * 8);
  EXPECT_EQ(use_of(cuda()).bytes, before.bytes) << "what could not be had is not counted";
  EXPECT_EQ(sum(a * 0 + 1).item(), 1200) << "work goes on";
}

// A network of two layers, with the loss after every step of the optimiser.
template <class Optimiser, class Options> std::vector<double> losses_of_a_training(Device device, Options options) {
  Generator generator(5);
  Sequential model(Linear(6, 9, true, generator), ReLU(), Linear(9, 4, true, generator));
  model.to(Dtype::float64);
  model.to(device);
  const Tensor x = to(randn({8, 6}, Dtype::float64, generator), device),
               y = to(labels({0, 1, 2, 3, 3, 2, 1, 0}), device);
  Optimiser optimiser(model.named_parameters(), options);
  std::vector<double> losses;
  for (int step = 0; step < 6; ++step) {
    const Tensor loss = cross_entropy(model(x), y);
    losses.push_back(loss.item());
    backward(loss);
    optimiser.step();
    optimiser.zero_grad();
  }
  return losses;
}
template <class Optimiser, class Options> void expect_the_same_training(const char* what, Options options) {
  const Numbers here = losses_of_a_training<Optimiser>(cpu, options),
                there = losses_of_a_training<Optimiser>(cuda(), options);
  EXPECT_LT(here.back(), here.front()) << what;
  for (size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(there[i], here[i], 1e-10) << what << ", step " << i;
}

TEST(Device, TrainingThereIsTrainingHere) {
  expect_the_same_training<SGD>("SGD", SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-3, .nesterov = true});
  expect_the_same_training<SGD>("plain SGD", SGDOptions{.lr = 0.1});
  expect_the_same_training<Adam>("Adam", AdamOptions{.lr = 0.01, .amsgrad = true});
  expect_the_same_training<AdamW>("AdamW", AdamWOptions{.lr = 0.01});
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.5})
      expect_the_same_training<RMSprop>("RMSprop",
                                        RMSpropOptions{.lr = 0.01, .momentum = momentum, .centered = centered});
  expect_the_same_training<Adagrad>("Adagrad", AdagradOptions{.lr = 0.1});
  expect_the_same_training<Adadelta>("Adadelta", AdadeltaOptions{});
  expect_the_same_training<Lion>("Lion", LionOptions{.lr = 0.01});
}

TEST(Device, WeightsAreAveragedWhereTheyLie) {
  Tensor here = tensor({1, 2, 3}), there = to(here, cuda());
  WeightAverage average_here({{"w", here}}, {.decay = 0.75}), average_there({{"w", there}}, {.decay = 0.75});
  for (const double weight : {4.0, -8.0}) {
    fill_elements(here, weight), fill_elements(there, weight);
    average_here.update(), average_there.update();
  }
  WeightAverage restored({{"w", there}}, {.decay = 0.75});
  restored.load_state(average_there.state());
  average_here.swap(), restored.swap();
  EXPECT_EQ(there.device(), cuda());
  EXPECT_EQ(to(there, cpu).to_vector(), here.to_vector());
  EXPECT_NEAR(here.to_vector()[0], 1 * 0.5625 + 4 * 0.1875 - 8 * 0.25, 1e-6);
}

TEST(Device, ModulesMoveWithTheirWeights) {
  LossModule loss("cross_entropy", {{{"weight", tensor({1, 2, 3})}}, {}});
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 7}}), y = tensor({2, 0}, Dtype::int64);
  const double here = loss(x, y).item();
  EXPECT_EQ(error_of<DeviceError>([&] { loss(to(x, cuda()), to(y, cuda())); }),
            "cross_entropy: weight is on cpu but input is on cuda:0; move one with to()");
  loss.to(cuda());
  EXPECT_EQ(loss.named_buffers()[0].second.device(), cuda());
  EXPECT_NEAR(loss(to(x, cuda()), to(y, cuda())).item(), here, 1e-6);
  loss.to(cpu);
  EXPECT_EQ(loss(x, y).item(), here);
  LossModule learning("huber_loss");
  learning.learn("delta", 1.0);
  learning.to(cuda());
  const Tensor delta = learning.named_parameters()[0].second;
  EXPECT_EQ(delta.device(), cuda());
  EXPECT_TRUE(delta.requires_grad());
  learning(to(tensor({3.0}), cuda()), to(tensor({0.0}), cuda())).backward();
  EXPECT_NEAR(delta.grad().item(), 2, 1e-6);  // |e| - delta
}

}  // namespace
