#include "gradus/cli/training.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "gradus/autograd/engine.h"
#include "gradus/cli/progress.h"
#include "gradus/core/error.h"
#include "gradus/data/digits.h"
#include "gradus/data/idx.h"
#include "gradus/data/knn.h"
#include "gradus/data/sampler.h"
#include "gradus/nn/models.h"
#include "gradus/ops/index.h"
#include "gradus/ops/registry.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/sgd.h"

namespace gradus {
namespace {

constexpr double test_share = 0.2;
constexpr uint64_t split_seed = 0;  // the same test half for every --seed, so that accuracies compare

Dtype chosen_dtype(const TrainOptions& options) { return options.dtype == "float64" ? Dtype::float64 : Dtype::float32; }

bool is_folder(const std::string& path) {
  struct stat facts;
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

double accuracy_of(const Tensor& scores, const Tensor& labels) {
  const int64_t n = scores.shape()[0], width = scores.shape()[1];
  const std::vector<double> s = scores.to_vector();
  int64_t hits = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto row = s.begin() + i * width;
    hits += std::max_element(row, row + width) - row == labels.data<int64_t>()[i];
  }
  return double(hits) / double(n);
}

// What of the data is the loss's target: labels where it takes them, else one-hot rows.
struct Target {
  const LossEntry& entry;
  std::string prediction, target;
  bool labels;
};

Target target_of(const std::string& loss) {
  const LossEntry& entry = loss_named(loss);
  const LossParameters defaults(entry);
  const FormulaEntry& formula = *entry.formula(0);
  std::vector<const InputFacts*> required;
  for (int k = 0; k < formula.inputs; ++k)
    if (!formula.param(const_cast<void*>(defaults.get()), k)) required.push_back(formula.input(k));
  if (required.size() != 2)
    throw ParamError(
        fmt::format("--loss: {} takes {} inputs, a classifier has a prediction and a target; try cross_entropy", loss,
                    required.size()));
  return {entry, required[0]->name, required[1]->name, required[1]->label};
}

}  // namespace

Split load_data(const TrainOptions& options) {
  const auto converted = [&](const Split& s) {
    return Split{s.train.to(chosen_dtype(options)), s.test.to(chosen_dtype(options))};
  };
  if (options.data == "digits") return converted(split(digits(), test_share, split_seed, "labels"));
  if (!is_folder(options.data))
    throw ParamError(fmt::format(
        "--data: there is no folder '{}'; wanted digits, or a folder with the four IDX files of MNIST", options.data));
  return converted(read_idx_folder(options.data, class_count));
}

Sequential make_model(const TrainOptions& options, const Tensor& features, int64_t outputs) {
  Generator generator(options.seed);
  const Shape& shape = features.shape();
  Sequential model = options.model == "cnn" ? cnn(shape[1], shape[2], shape[3], outputs, generator)
                                            : mlp({shape[1] * shape[2] * shape[3], 256, 128, outputs}, generator);
  model.to(chosen_dtype(options));
  return model;
}

std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, Module& model) {
  const NamedTensors parameters = model.named_parameters();
  if (options.optimizer == "sgd")
    return std::make_unique<SGD>(parameters, SGDOptions{.lr = options.lr.value_or(0.1), .momentum = 0.9});
  if (options.optimizer == "adamw")
    return std::make_unique<AdamW>(parameters, AdamWOptions{.lr = options.lr.value_or(3e-3)});
  return std::make_unique<Adam>(parameters, AdamOptions{.lr = options.lr.value_or(3e-3)});
}

TrainResult fit(const TrainOptions& options, Module& model, const Loader& loader,
                const std::function<Tensor(const Dataset&)>& loss_of, FILE* out) {
  const auto begin = std::chrono::steady_clock::now();
  const auto optimizer = make_optimizer(options, model);
  const double lr = optimizer->lr();
  Progress progress(options.epochs, int64_t(loader.epoch(0).size()), out);
  RunningMean last;
  model.train();
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    last.reset();
    for (const Dataset& batch : loader.epoch(epoch)) {
      const Tensor loss = loss_of(batch);
      const double value = loss.item();
      if (!std::isfinite(value))
        throw DomainError(fmt::format("train: the loss became {} in epoch {}, wanted it finite; try a smaller --lr",
                                      std::isnan(value) ? "nan" : "infinite", epoch + 1));
      optimizer->zero_grad();
      backward(loss);
      optimizer->set_lr(lr * (1 + std::cos(std::numbers::pi * progress.share())) / 2);
      optimizer->step();
      last.add(value, double(batch.size()));
      progress.step(value, batch.size());
    }
  }
  TrainResult result;
  result.loss = last.mean();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.weights_hash = weights_hash(model);
  return result;
}

Tensor predict(Module& model, const Tensor& features) {
  constexpr int64_t batch = 1024;
  const NoGrad quiet;
  const bool training = model.training();
  model.eval();
  const int64_t n = features.shape()[0];
  Tensor all;
  for (int64_t from = 0; from < n; from += batch) {
    Shape shape = features.shape();
    shape[0] = std::min(batch, n - from);
    const Tensor part = model(features.alias(shape, features.strides(), from * features.strides()[0]));
    if (!all.defined()) all = Tensor({n, part.shape()[1]}, part.dtype());
    Tensor rows = all.alias(part.shape(), all.strides(), from * all.strides()[0]);
    copy_elements(part, rows);
  }
  model.train(training);
  return all;
}

std::string weights_hash(Module& model) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const auto& [name, t] : model.state_dict()) {
    const Tensor d = dense(t);
    const auto* bytes = static_cast<const unsigned char*>(d.bytes());
    for (int64_t i = 0, n = d.numel() * size_of(d.dtype()); i < n; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

double raw_knn_accuracy(const Split& split) {
  return knn_accuracy(split.train["features"], split.train["labels"], split.test["features"], split.test["labels"],
                      neighbours);
}

TrainResult train_classifier(const TrainOptions& options, const Split& split, FILE* out) {
  const Target target = target_of(options.loss.empty() ? "cross_entropy" : options.loss);
  Sequential model = make_model(options, split.train["features"], class_count);
  const Loader loader(split.train, {.batch_size = options.batch_size, .seed = options.seed});
  const auto loss_of = [&](const Dataset& batch) {
    const Tensor scores = model(batch["features"]), &labels = batch["labels"];
    const Tensor wanted = target.labels ? labels : one_hot(labels, class_count, scores.dtype());
    return evaluate(target.entry, {{{target.prediction, scores}, {target.target, wanted}}, {}});
  };
  TrainResult result = fit(options, model, loader, loss_of, out);
  result.accuracy = accuracy_of(predict(model, split.test["features"]), split.test["labels"]);
  return result;
}

}  // namespace gradus
