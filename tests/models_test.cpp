// Models against PyTorch's with the same weights (data/make_models_reference.py), and what they promise beside that.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/autograd/engine.h"
#include "gradus/autograd/node.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/models.h"
#include "gradus/nn/resnet.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/tests/fill.h"
#include "gradus/tests/thrown.h"

namespace gradus {
namespace {

const nlohmann::json& reference() {
  static const nlohmann::json json = fill::reference("models_reference.json");
  return json;
}

void expect_case(const std::string& name, Module& model) {
  const nlohmann::json& wanted = reference().at(name);
  Shape shape;
  for (int64_t extent : wanted.at("input")) shape.push_back(extent);
  const Tensor x = fill::pattern(1000, shape);
  fill::expect_state(model, wanted.at("state"), name);
  fill::weights(model);
  model.eval();
  fill::expect_values(model(x), wanted.at("eval"), name + ": eval");
  model.train();
  const Tensor y = model(x);
  fill::expect_values(y, wanted.at("train"), name + ": train");
  backward(sum(mul(y, fill::pattern(2000, y.shape()))));
  fill::expect_gradients(model, wanted.at("gradients"), name);
  for (const auto& [buffer, t] : model.named_buffers())
    fill::expect_fingerprint(t, wanted.at("buffers").at(buffer), name + ": " + buffer);
}

TEST(Models, LogisticRegressionIsPyTorchs) {
  Sequential model = logistic_regression(12, 3);
  EXPECT_EQ(model.parameter_count(), 39);
  expect_case("logistic_regression", model);
}

TEST(Models, LeNet5IsPyTorchs) {
  LeNet5 mnist(1, 28, 28, 10), colour(3, 32, 32, 7);
  EXPECT_EQ(mnist.parameter_count(), 61706);  // the well-known number
  expect_case("lenet5_28", mnist);
  expect_case("lenet5_32", colour);
}

TEST(Models, LeNet5TakesImagesFromTwelvePixelsOn) {
  for (int64_t size : {12, 13, 20, 31, 32, 33, 40})
    EXPECT_EQ(LeNet5(2, size, size + 3, 4)(zeros({1, 2, size, size + 3})).shape(), (Shape{1, 4})) << size;
  EXPECT_EQ(error_of<ParamError>([] { LeNet5(1, 8, 8, 10); }),
            "lenet5: got images of 8x8, wanted at least 12x12; use cnn");
}

TEST(Models, ResNet18IsPyTorchs) {
  ResNet18 model(5);
  expect_case("resnet18", model);
}

TEST(Models, ResNet18HasThePublishedSize) {  // coverage 1.29
  EXPECT_EQ(ResNet18(1000).parameter_count(), 11689512);  // as torchvision says
  ResNet18 features(0);
  EXPECT_EQ(features.parameter_count(), 11176512);
  const NoGrad quiet;
  features.eval();
  EXPECT_EQ(features.trunk(zeros({1, 3, 224, 244})).shape(), (Shape{1, 512, 7, 8}));
  EXPECT_EQ(features(zeros({2, 3, 8, 8})).shape(), (Shape{2, 512}));
  EXPECT_EQ(ResNet18(10, 1)(zeros({2, 1, 8, 8})).shape(), (Shape{2, 10}));
}

TEST(Models, ResNet18StartsAsTorchvisionsDoes) {
  ResNet18 model(10);
  for (const auto& [name, t] : model.named_parameters()) {
    double sum = 0, squares = 0;
    for (double v : t.to_vector()) sum += v, squares += v * v;
    const auto n = double(t.numel());
    if (t.rank() == 4) {  // normal, spread by the fan out
      const double spread = std::sqrt(2 / double(t.shape()[0] * t.shape()[2] * t.shape()[3]));
      EXPECT_NEAR(std::sqrt(squares / n) / spread, 1, 4 / std::sqrt(n)) << name;
      EXPECT_NEAR(sum / n / spread, 0, 4 / std::sqrt(n)) << name;
    } else if (!name.starts_with("fc")) {
      EXPECT_EQ(sum, name.ends_with("weight") ? n : 0) << name;
    }
  }
}

}  // namespace
}  // namespace gradus
