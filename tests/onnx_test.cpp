// A model written as ONNX: what the file says, and that others compute with it what we do.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "files.h"
#include "gradus/autograd/engine.h"
#include "gradus/cli/onnx_model.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/npy.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/dropout.h"
#include "gradus/nn/flatten.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/models.h"
#include "gradus/nn/pooling.h"
#include "gradus/nn/recurrent.h"
#include "gradus/nn/resnet.h"
#include "gradus/nn/text_classifier.h"
#include "gradus/nn/transformer.h"
#include "gradus/nn/transformer_classifier.h"
#include "gradus/nn/unit_sphere.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/sampling.h"
#include "gradus/ops/shape.h"
#include "thrown.h"

namespace gradus {
namespace {

bool onnx_is_built() {
  try {
    check_onnx();
    return true;
  } catch (const ParamError&) { return false; }
}

// A model with the samples that it is tried on.
struct Case {
  std::string name;
  std::shared_ptr<Module> model;
  std::vector<OnnxAxis> axes;             // of its input
  std::function<Tensor(int64_t)> sample;  // by the number of samples; of random numbers or tokens
  std::vector<OnnxAxis> outputs = {"batch", 10};
};

Generator& numbers() {
  static Generator generator(7);
  return generator;
}

template <class M> std::shared_ptr<Module> owned(M model) { return std::make_shared<M>(std::move(model)); }

Case images(const std::string& name, std::shared_ptr<Module> model, int64_t channels, int64_t height, int64_t width) {
  return {name, std::move(model), {"batch", channels, height, width}, [=](int64_t n) {
            return randn({n, channels, height, width}, Dtype::float32, numbers());
          }};
}

Case sequences(const std::string& name, std::shared_ptr<Module> model, bool batch_first = true) {
  std::vector<OnnxAxis> axes = {"batch", "steps", 8};
  if (!batch_first) std::swap(axes[0], axes[1]);
  return {name, std::move(model), axes,
          [=](int64_t n) { return randn(batch_first ? Shape{n, 5, 8} : Shape{5, n, 8}, Dtype::float32, numbers()); },
          axes};
}

Sequential of_activations(Generator& g) {
  Sequential s(Linear(6, 9, true, g), LeakyReLU(0.2), Linear(9, 9, false, g), ELU(0.7));
  s.add(GELU()).add(SiLU()).add(Tanh()).add(Linear(9, 10, true, g)).add(Softplus()).add(Dropout()).add(Sigmoid());
  return s.add(Softmax(1)), s;
}

Sequential of_windows(Generator& g) {
  Sequential s(Conv2d(4, 6, {3, 2}, {.stride = {1, 2}, .padding = {2, 1}, .dilation = {2, 1}, .groups = 2}, true, g),
               AvgPool2d({3, 2}, {.stride = {2, 1}, .padding = 1}));
  s.add(AvgPool2d(2, {.stride = 1, .padding = 1, .count_include_pad = false}));
  return s.add(MaxPool2d({2, 3}, {.stride = 1, .padding = {0, 1}}))
             .add(Conv2d(6, 10, 1, {}, false, g))
             .add(AdaptiveAvgPool2d(1))
             .add(Flatten()),
         s;
}

// Batch normalisation that has seen something else than the standard normal.
std::shared_ptr<Module> seasoned(std::shared_ptr<Module> model, const Shape& images) {
  const NoGrad quiet;
  (*model)(randn(images, Dtype::float32, numbers()));
  return model;
}

// Tokens, of which 0 is padding; one text has none at all.
Tensor texts(int64_t n) {
  Tensor tokens = randint(0, 9, {n, 6}, numbers());
  if (n > 1) std::fill_n(tokens.mutable_data<int64_t>() + 6, 6, 0);
  return tokens;
}

std::vector<Case> cases() {
  Generator g(3);
  const auto block = [&](TransformerOptions o) {
    o.feedforward = 16;
    return owned(TransformerBlock(8, 2, o, g));
  };
  std::vector<Case> all;
  all.push_back(images("logistic", owned(logistic_regression(12, 10, g)), 3, 2, 2));
  all.push_back(images("mlp", owned(mlp({12, 7, 5, 10}, g)), 3, 2, 2));
  all.push_back(images("cnn_small", owned(cnn(1, 8, 8, 10, g)), 1, 8, 8));
  all.push_back(images("cnn_large", owned(cnn(2, 17, 20, 10, g)), 2, 17, 20));
  all.push_back(images("lenet5", owned(LeNet5(1, 28, 28, 10, g)), 1, 28, 28));
  all.push_back(images("resnet18", seasoned(owned(ResNet18(10, 3, g)), {4, 3, 40, 33}), 3, 40, 33));
  all.push_back(images("windows", owned(of_windows(g)), 4, 7, 9));
  all.push_back({"activations", owned(of_activations(g)), {"batch", 6}, [](int64_t n) {
                   return randn({n, 6}, Dtype::float32, numbers());
                 }});
  all.push_back(images("unit_sphere", owned(UnitSphere(owned(mlp({12, 10}, g)))), 3, 2, 2));
  all.push_back(sequences("block", block({.batch_first = true})));
  all.push_back(sequences("block_causal", block({.batch_first = true, .causal = true, .gelu = true})));
  all.push_back(sequences("block_steps_first", block({.causal = true}), false));
  all.push_back(sequences("attention", owned(MultiheadAttention(8, 4, {.bias = false, .batch_first = true}, g))));
  const auto recurrent = [&](const char* name, std::shared_ptr<Module> model, int64_t width, bool batch_first) {
    all.push_back(sequences(name, std::move(model), batch_first));
    all.back().outputs[2] = width;
  };
  recurrent("rnn", owned(RNN(8, 5, {}, RNN::Nonlinearity::tanh, g)), 5, false);
  recurrent("rnn_relu", owned(RNN(8, 5, {.bias = false, .bidirectional = true}, RNN::Nonlinearity::relu, g)), 10,
            false);
  recurrent("lstm", owned(LSTM(8, 6, {.num_layers = 2, .batch_first = true, .bidirectional = true}, g)), 12, true);
  recurrent("gru", owned(GRU(8, 7, {.num_layers = 2, .batch_first = true}, g)), 7, true);
  all.push_back({"answers", owned(AnswerClassifier(9, 8, 5, 2, g)), {"batch", 6}, texts});
  all.push_back({"one_answer", owned(AnswerClassifier(9, 8, 10, 1, g)), {"batch", 6}, texts});
  const TransformerClassifierOptions small = {.width = 8, .heads = 2, .layers = 2, .feedforward = 12};
  all.push_back(
      {"transformer_of_texts", owned(TransformerClassifier::of_tokens(9, 6, 10, small, g)), {"batch", 6}, texts});
  all.push_back(
      images("transformer_of_images", owned(TransformerClassifier::of_vectors(10, 4, 10, small, g)), 2, 4, 5));
  return all;
}

// A model in one dtype, its file, and what we compute for one and for three samples.
class Compared {
 public:
  Compared(const Case& c, Dtype dtype) : name_(c.name) {
    c.model->to(dtype);
    c.model->eval();
    const bool takes_tokens = c.sample(1).dtype() == Dtype::int64;
    const Dtype taken = takes_tokens ? Dtype::int64 : dtype;
    write(onnx_model(*c.model, {"x", taken, c.axes}, {{"y", dtype, c.outputs}}));
    const NoGrad quiet;
    for (const int64_t samples : {1, 3}) {
      const Tensor x = to(c.sample(samples), taken);
      write_npz(folder_ / std::to_string(samples), {{"x", x}, {"y", dense((*c.model)(x))}});
    }
  }
  Compared(TextClassifier& model, Dtype dtype) : name_("text_classifier") {
    model.to(dtype);
    write(onnx_model(model, {"tokens", Dtype::int64, {"batch", "steps"}},
                     {{"topic", dtype, {"batch", 4}}, {"tone", dtype, {"batch", 2}}}));
    const NoGrad quiet;
    for (const int64_t samples : {1, 3}) {
      const Tensor x = texts(samples);
      const TextClassifier::Scores scores = model.scores(x);
      write_npz(folder_ / std::to_string(samples), {{"tokens", x}, {"topic", scores.first}, {"tone", scores.second}});
    }
  }
  void expect_equal(const char* by, const char* tolerance) const {
    SCOPED_TRACE(name_);
    EXPECT_EQ(files::output_of(fmt::format("{} {}/tests/run_onnx.py {} {} {} {} {}", files::python(), GRADUS_SOURCE_DIR,
                                           by, tolerance, path(), folder_ / "1", folder_ / "3")),
              "");
  }
  void expect_valid() const {
    SCOPED_TRACE(name_);
    EXPECT_EQ(files::output_of(
                  fmt::format("{} -c 'import onnx; onnx.checker.check_model(onnx.load(\"{}\"), full_check=True)'",
                              files::python(), path())),
              "");
  }

 private:
  std::string path() const { return folder_ / "model.onnx"; }
  void write(const OnnxModel& model) const { write_file(path(), {{model.bytes.data(), model.bytes.size()}}); }
  std::string name_;
  files::Folder folder_;
};

template <class Use> void for_each_model(Dtype dtype, Use use) {
  for (const Case& c : cases()) use(Compared(c, dtype));
  Generator generator(5);
  TextClassifier text(9, 8, 4, 2, generator);
  use(Compared(text, dtype));
}

TEST(Onnx, AnInterpreterByTheFormatsDescriptionComputesTheSame) {
  if (!onnx_is_built()) GTEST_SKIP() << error_of([] { check_onnx(); });
  if (!files::python_has("numpy")) GTEST_SKIP() << "Python's numpy is not installed";
  for_each_model(Dtype::float64, [](const Compared& c) { c.expect_equal("numpy", "1e-6"); });
  for_each_model(Dtype::float32, [](const Compared& c) { c.expect_equal("numpy", "1e-5"); });
}

TEST(Onnx, OnnxRuntimeComputesTheSame) {
  if (!onnx_is_built()) GTEST_SKIP() << error_of([] { check_onnx(); });
  if (!files::python_has("onnxruntime"))
    GTEST_SKIP() << "Python has no onnxruntime; GRADUS_PYTHON may name one that has";
  for_each_model(Dtype::float32, [](const Compared& c) { c.expect_equal("onnxruntime", "1e-5"); });
}

TEST(Onnx, OnnxsOwnCheckerFindsNothing) {
  if (!onnx_is_built()) GTEST_SKIP() << error_of([] { check_onnx(); });
  if (!files::python_has("onnx")) GTEST_SKIP() << "Python's onnx is not installed; Debian's package is python3-onnx";
  for_each_model(Dtype::float32, [](const Compared& c) { c.expect_valid(); });
}

struct Unknown : Module {
  Tensor forward(const Tensor& x) override { return x; }
};

TEST(Onnx, WrongCallsSaySo) {
  if (!onnx_is_built()) GTEST_SKIP() << error_of([] { check_onnx(); });
  Sequential strange{Flatten(), Sequential{ReLU(), Unknown()}};
  EXPECT_EQ(error_of<ParamError>([&] { onnx_model(strange, {"x", Dtype::float32, {"batch", 2}}, {{"y"}}); }),
            "onnx: layer '1.1' has no ONNX form here; put known layers in its place");
  Sequential plain{Flatten(), ReLU()};
  EXPECT_EQ(error_of<ParamError>([&] { onnx_model(plain, {"x", Dtype::float32, {"batch", 2}}, {{"y"}, {"z"}}); }),
            "onnx: the model has 1 output, but 2 were named; name each of them");
}

}  // namespace
}  // namespace gradus
