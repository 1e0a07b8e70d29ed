// What all losses share: shapes, reductions, errors, layouts, memory, and the same bits for any number of threads.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/losses.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/shape.h"
#include "gradus/tests/thrown.h"

namespace {

using namespace gradus;

Tensor waves(const Shape& shape, double (*f)(double), double step, double scale, Dtype dtype = Dtype::float64) {
  std::vector<double> values(size_t(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = scale * f(step * double(i));
  return tensor(values, shape, dtype);
}
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double magnitude(const Tensor& t) {
  double s = 0;
  for (double v : t.to_vector()) s += std::abs(v);
  return s;
}

// References: torch.nn.functional.cross_entropy 1.13 on the same numbers.
TEST(CrossEntropy, WithWeightsSmoothingIgnoredRowsAndASpatialAxisIsPyTorchs) {
  const Tensor x = waves({3, 5, 4}, sine, 1.7, 3).requires_grad(true);
  std::vector<int64_t> y(12);
  for (int i = 0; i < 12; ++i) y[i] = i * 7 % 5;
  y[1] = y[11] = -100;
  CrossEntropy with{.weight = tensor({0.5, 1, 2, 0.25, 1.5}, Dtype::float64), .label_smoothing = 0.1};
  const Tensor loss = cross_entropy(x, from_data(y.data(), {3, 4}), with);
  backward(loss);
  EXPECT_NEAR(loss.item(), 3.0788424422554836, 1e-13);
  EXPECT_NEAR(x.grad().at({0, 0, 0}), -0.049939252779657335, 1e-14);
  EXPECT_EQ(x.grad().at({0, 0, 1}), 0) << "ignored";
  EXPECT_NEAR(magnitude(x.grad()), 1.632708544769553, 1e-13);
}

TEST(CrossEntropy, OfProbabilitiesIsPyTorchs) {
  const Tensor x = waves({3, 5, 4}, sine, 1.7, 3).requires_grad(true);
  const Tensor raw = waves({3, 5, 4}, cosine, 2.3, 1);
  std::vector<double> e = raw.to_vector();
  for (int n = 0; n < 3; ++n)
    for (int d = 0; d < 4; ++d) {
      double total = 0;
      for (int c = 0; c < 5; ++c) total += std::exp(raw.at({n, c, d}));
      for (int c = 0; c < 5; ++c) e[(n * 5 + c) * 4 + d] = std::exp(raw.at({n, c, d})) / total;
    }
  CrossEntropy with{.weight = tensor({0.5, 1, 2, 0.25, 1.5}, Dtype::float64), .label_smoothing = 0.1};
  const Tensor loss = cross_entropy(x, tensor(e, {3, 5, 4}, Dtype::float64), with);
  backward(loss);
  EXPECT_NEAR(loss.item(), 2.52418396839875, 1e-13);
  EXPECT_NEAR(x.grad().at({0, 0, 0}), -0.011875594931962581, 1e-14);
  EXPECT_NEAR(magnitude(x.grad()), 1.0765517849531914, 1e-13);
}

TEST(CrossEntropy, KeepsTheSmallestLossesAndGradients) {
  const Tensor x = tensor({{100, 0, 0}, {0, -40, 0}}, Dtype::float64).requires_grad(true);
  const Tensor loss = cross_entropy(x, labels({0, 0}), {}, Reduction::none);
  EXPECT_DOUBLE_EQ(loss.at({0}), 2 * std::exp(-100.0));
  backward(sum(loss));
  EXPECT_DOUBLE_EQ(x.grad().at({0, 0}), -2 * std::exp(-100.0));
  EXPECT_DOUBLE_EQ(x.grad().at({1, 1}), std::exp(-40.0) / (2 + std::exp(-40.0)));
}

TEST(CrossEntropy, SurvivesEnormousLogits) {
  for (Dtype dtype : {Dtype::float32, Dtype::float64}) {
    const Tensor x = tensor({{1e4, -1e4, 0}, {-3e38, 3e37, 0}}, dtype).requires_grad(true);
    const Tensor loss = cross_entropy(x, labels({1, 1}), {}, Reduction::none);
    EXPECT_EQ(loss.at({0}), 2e4);
    EXPECT_EQ(loss.at({1}), 0);
    backward(sum(loss));
    EXPECT_EQ(x.grad().to_vector(), std::vector<double>({1, -1, 0, 0, 0, 0}));
  }
}

TEST(CrossEntropy, LeavesOutMaskedClasses) {
  const Tensor x = tensor({{1, 2, 3}}, Dtype::float64).requires_grad(true);
  const Tensor loss = cross_entropy(x, labels({0}), {.class_mask = tensor({1, 1, 0}, Dtype::boolean)});
  EXPECT_NEAR(loss.item(), std::log(1 + std::exp(1.0)), 1e-15);
  backward(loss);
  EXPECT_EQ(x.grad().at({0, 2}), 0);
}

TEST(Reductions, WeightedMeanDividesByTheWeights) {
  const Tensor x = tensor({1, 2, 3}, Dtype::float64), zero = zeros({3}, Dtype::float64);
  EXPECT_DOUBLE_EQ(mse_loss(x, zero, {.weight = tensor({1, 0, 2}, Dtype::float64)}).item(), 19.0 / 3);
  EXPECT_DOUBLE_EQ(mse_loss(x, zero, {}, Reduction::mean).item(), 14.0 / 3);
  EXPECT_DOUBLE_EQ(mse_loss(x, zero, {}, Reduction::batchmean).item(), 14.0 / 3);
  const Tensor sparse =
      huber_loss(tensor({0, 2}, Dtype::float64), zeros({2}, Dtype::float64), {}, Reduction::mean_active);
  EXPECT_DOUBLE_EQ(sparse.item(), 1.5);
}

TEST(Reductions, NothingToAverageIsZeroUnlessAskedOtherwise) {
  const Tensor x = tensor({{1, 2, 3}}).requires_grad(true);
  const Tensor loss = cross_entropy(x, labels({-100}));
  EXPECT_EQ(loss.item(), 0);
  backward(loss);
  EXPECT_EQ(x.grad().to_vector(), std::vector<double>({0, 0, 0}));
  EXPECT_TRUE(std::isnan(cross_entropy(x, labels({-100}), {}, Reduction::mean, Empty::nan).item()));
  EXPECT_EQ(error_of<DomainError>([&] { cross_entropy(x, labels({-100}), {}, Reduction::mean, Empty::error); }),
            "cross_entropy: nothing to average, the count is 0; pass at least one element that counts, or Empty::zero");
  const Tensor none = zeros({0, 3}).requires_grad(true);
  const Tensor empty = mse_loss(none, zeros({0, 3}));
  EXPECT_EQ(empty.item(), 0);
  backward(empty);
  EXPECT_EQ(text(none.grad().shape()), "(0,3)");
}

TEST(LossErrors, AreOneSentenceEach) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 7}});
  EXPECT_EQ(error_of<IndexError>([&] { cross_entropy(x, labels({2, 3})); }),
            "cross_entropy: label 3 at row 1 is outside [0, 3)");
  EXPECT_EQ(error_of<ShapeError>([&] { huber_loss(zeros({4, 1}), zeros({4})); }),
            "huber_loss: target has shape (4) but input has shape (4,1), wanted (4,1); reshape it to (4,1)");
  EXPECT_EQ(error_of<ShapeError>([&] { cross_entropy(x, labels({2, 1, 0})); }),
            "cross_entropy: target has shape (3) but input has shape (2,3), wanted (2)");
  EXPECT_EQ(error_of<ParamError>([&] { huber_loss(x, x, {.delta = -1}); }),
            "huber_loss: delta is -1, wanted a value > 0");
  EXPECT_EQ(error_of<ParamError>([&] { cross_entropy(x, labels({0, 1}), {.label_smoothing = 1.5}); }),
            "cross_entropy: label_smoothing is 1.5, wanted a value in [0, 1]");
  EXPECT_EQ(error_of<DomainError>([&] { binary_cross_entropy_with_logits(x, x); }),
            "binary_cross_entropy_with_logits: target is 2 at (0,1), wanted a value in [0, 1]");
  EXPECT_EQ(error_of<DtypeError>([&] { cross_entropy(labels({1, 2}), x); }),
            "cross_entropy: input is int64, wanted float32 or float64; convert it with to()");
  EXPECT_EQ(error_of<DtypeError>([&] { mse_loss(x, zeros({2, 3}, Dtype::float64)); }),
            "mse_loss: target is float64 but input is float32, wanted the same; convert one with to()");
  EXPECT_EQ(error_of<ParamError>([&] { mse_loss(x, Tensor()); }),
            "mse_loss: target is an undefined tensor; pass a tensor");
  EXPECT_EQ(error_of<IndexError>([&] { cross_entropy(zeros({2, 0}), labels({-100, 0})); }),
            "cross_entropy: label 0 at row 1 is outside [0, 0)");
  EXPECT_EQ(cross_entropy(zeros({2, 0}), labels({-100, -100})).item(), 0);
  EXPECT_EQ(error_of<StateError>([&] { backward(Tensor()); }),
            "backward: the output is an undefined tensor; pass what a computation returned");
}

TEST(LossErrors, OfNamedCallsNameTheNearest) {
  EXPECT_EQ(error_of<ParamError>([] { loss_named("crossentropy"); }),
            "loss: there is no 'crossentropy'; did you mean 'cross_entropy'?");
  const LossArguments wrong{{{"input", ones({2})}, {"target", ones({2})}}, {{"detla", 1.0}}};
  EXPECT_EQ(error_of<ParamError>([&] { evaluate(loss_named("huber_loss"), wrong); }),
            "huber_loss: there is no parameter 'detla'; did you mean 'delta'?");
  const LossArguments missing{{{"input", ones({2})}}, {}};
  EXPECT_EQ(error_of<ParamError>([&] { evaluate(loss_named("huber_loss"), missing); }),
            "huber_loss: input 'target' is missing, wanted input, target, delta, weight, reduction, empty");
  const LossArguments word{{{"input", ones({2})}, {"target", ones({2})}}, {{"reduction", std::string("average")}}};
  EXPECT_EQ(error_of<ParamError>([&] { evaluate(loss_named("huber_loss"), word); }),
            "huber_loss: reduction is 'average', wanted one of none, sum, mean, batchmean, mean_active");
}

TEST(LossMemory, ReadsSavedInputsThatWereChangedAsAnError) {
  Tensor x = tensor({1, 2}, Dtype::float64).requires_grad(true), y = zeros({2}, Dtype::float64);
  const Tensor loss = mse_loss(x, y, {}, Reduction::none);
  y.set({0}, 3);
  EXPECT_EQ(error_of<StateError>([&] { backward(sum(loss)); }),
            "mse_loss: target of shape (2) saved for backward was changed in place (saved at version 1, now 2); "
            "clone() it before changing it");
}

TEST(LossLayouts, ViewsGiveTheBitsOfTheirCopies) {
  const Tensor big = waves({37, 50}, sine, 0.37, 2, Dtype::float32),
               other = waves({50, 37}, cosine, 0.11, 2, Dtype::float32);
  const Tensor view = transpose(other, 0, 1), copy = view.clone();
  EXPECT_EQ(huber_loss(big, view, {}, Reduction::none).to_vector(),
            huber_loss(big, copy, {}, Reduction::none).to_vector());
  const Tensor a = transpose(other, 0, 1), b = a.clone();
  std::vector<int64_t> y(37);
  for (int i = 0; i < 37; ++i) y[i] = i * 11 % 50;
  EXPECT_EQ(cross_entropy(a, from_data(y.data(), {37}), {}, Reduction::none).to_vector(),
            cross_entropy(b, from_data(y.data(), {37}), {}, Reduction::none).to_vector());
}

TEST(LossThreads, GiveTheSameBits) {
  const Tensor x = waves({600, 90}, sine, 0.37, 3, Dtype::float32),
               t = waves({600, 90}, cosine, 0.11, 3, Dtype::float32);
  const Tensor row = waves({1, 200'000}, sine, 0.37, 3, Dtype::float32);
  std::vector<int64_t> y(600);
  for (int i = 0; i < 600; ++i) y[i] = i * 7 % 90;
  const Tensor target = from_data(y.data(), {600});
  std::vector<std::vector<double>> seen;
  const int before = threads();
  for (int n : {1, 2, 3}) {
    set_threads(n);
    std::vector<double> bits;
    for (int loss = 0; loss < 3; ++loss) {
      const Tensor in = (loss == 2 ? row : x).clone();
      const Tensor leaf = in.detach();
      Tensor(leaf).requires_grad(true);
      const Tensor value = loss == 0   ? huber_loss(leaf, t)
                           : loss == 1 ? cross_entropy(leaf, target)
                                       : cross_entropy(leaf, labels({77}));
      backward(value);
      bits.push_back(value.item());
      for (double g : leaf.grad().to_vector()) bits.push_back(g);
    }
    seen.push_back(std::move(bits));
  }
  set_threads(before);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
}

TEST(LossGraph, AddsExactlyOneNode) {
  const Tensor x = tensor({{1, 2, 3}}).requires_grad(true);
  const int64_t before = pool::figures().live_nodes;
  const Tensor loss = cross_entropy(x, labels({1}));
  EXPECT_EQ(pool::figures().live_nodes, before + 1);
}

}  // namespace
