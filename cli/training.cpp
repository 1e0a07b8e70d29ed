#include "gradus/cli/training.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "gradus/autograd/engine.h"
#include "gradus/cli/checkpoint.h"
#include "gradus/cli/interrupt.h"
#include "gradus/cli/progress.h"
#include "gradus/core/error.h"
#include "gradus/data/digits.h"
#include "gradus/data/idx.h"
#include "gradus/data/knn.h"
#include "gradus/data/sampler.h"
#include "gradus/data/synthetic.h"
#include "gradus/data/transforms.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/models.h"
#include "gradus/nn/resnet.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/index.h"
#include "gradus/ops/registry.h"
#include "gradus/optim/adadelta.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/lion.h"
#include "gradus/optim/rmsprop.h"
#include "gradus/optim/schedule.h"
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
        fmt::format("--loss: {} takes {} input{}, a classifier has a prediction and a target; try cross_entropy", loss,
                    required.size(), required.size() == 1 ? "" : "s"));
  if (!required[0]->differentiable)
    throw ParamError(fmt::format("--loss: {} has no gradient to learn from; try cross_entropy", loss));
  if (entry.about->fixed && entry.about->reduction == Reduction::none)
    throw ParamError(fmt::format("--loss: {} gives many numbers, wanted one to make small; try cross_entropy", loss));
  return {entry, required[0]->name, required[1]->name, required[1]->label};
}

std::unique_ptr<Module> untrained(const std::string& name, const Shape& shape, int64_t outputs, Generator& generator) {
  const auto own = []<class M>(M model) -> std::unique_ptr<Module> { return std::make_unique<M>(std::move(model)); };
  const int64_t features = shape.numel() / shape[0];
  if (name == "logistic") return own(logistic_regression(features, outputs, generator));
  if (name == "mlp") return own(mlp({features, 256, 128, outputs}, generator));
  if (shape.rank() != 4)
    throw ParamError(fmt::format(
        "--model: {} takes images, but a sample of the data is {} numbers; use logistic or mlp", name, features));
  const int64_t channels = shape[1], height = shape[2], width = shape[3];
  if (name == "lenet5") return own(LeNet5(channels, height, width, outputs, generator));
  if (name == "resnet18") return own(ResNet18(outputs, channels, generator));
  return own(cnn(channels, height, width, outputs, generator));
}

// One of the synthetic sets, its features brought to mean 0 and deviation 1; nothing where `name` is none.
std::optional<Split> synthetic(const std::string& name) {
  constexpr int64_t samples = 1000;
  std::optional<Dataset> data;
  if (name == "moons") data = moons(samples, 0.1);
  if (name == "circles") data = circles(samples, 0.05, 0.5);
  if (name == "spirals") data = spirals(samples, 0.02);
  if (name == "blobs") data = blobs(samples);
  if (!data) return {};
  const Split halves = split(*data, test_share, split_seed, "labels");
  const Rescaling rescale = standardisation(halves.train["features"]);
  const auto rescaled = [&](const Dataset& half) {
    return Dataset({{"features", rescale(half["features"])}, {"labels", half["labels"]}});
  };
  return Split{rescaled(halves.train), rescaled(halves.test)};
}

}  // namespace

Split load_data(const TrainOptions& options) {
  const auto converted = [&](const Split& s) {
    return Split{s.train.to(chosen_dtype(options)), s.test.to(chosen_dtype(options))};
  };
  if (options.data == "digits") return converted(split(digits(), test_share, split_seed, "labels"));
  if (const std::optional<Split> points = synthetic(options.data)) return converted(*points);
  if (!is_folder(options.data))
    throw ParamError(
        fmt::format("--data: there is no folder '{}'; wanted digits, moons, circles, spirals, blobs, or a folder with "
                    "the four IDX files of MNIST",
                    options.data));
  return converted(read_idx_folder(options.data));
}

int64_t class_count(const Split& split) {
  const Tensor largest = maximum(max(split.train["labels"]), max(split.test["labels"]));
  return largest.item_integer() + 1;
}

std::unique_ptr<Module> make_model(const TrainOptions& options, const Tensor& features, int64_t outputs) {
  Generator generator(options.seed);
  std::unique_ptr<Module> model = untrained(options.model, features.shape(), outputs, generator);
  model->to(chosen_dtype(options));
  return model;
}

std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, Module& model) {
  const NamedTensors parameters = model.named_parameters();
  const std::string& name = options.optimizer;
  const auto lr = [&](double own) { return options.lr.value_or(own); };
  if (name == "sgd") return std::make_unique<SGD>(parameters, SGDOptions{.lr = lr(0.1), .momentum = 0.9});
  if (name == "adamw") return std::make_unique<AdamW>(parameters, AdamWOptions{.lr = lr(3e-3)});
  if (name == "rmsprop") return std::make_unique<RMSprop>(parameters, RMSpropOptions{.lr = lr(1e-3)});
  if (name == "adagrad") return std::make_unique<Adagrad>(parameters, AdagradOptions{.lr = lr(1e-2)});
  if (name == "adadelta") return std::make_unique<Adadelta>(parameters, AdadeltaOptions{.lr = lr(1)});
  if (name == "lion") return std::make_unique<Lion>(parameters, LionOptions{.lr = lr(3e-4)});
  return std::make_unique<Adam>(parameters, AdamOptions{.lr = lr(3e-3)});
}

namespace {

// One training: what it consists of, and where it stands.
class Fitting {
 public:
  Fitting(const TrainOptions& options, Module& model, const Loader& loader, Generator* random)
      : options_(options),
        loader_(loader),
        steps_(int64_t(loader.epoch(0).size())),
        optimizer_(make_optimizer(options, model)),
        scheduler_(*optimizer_, cosine_annealing(options.epochs * steps_)),
        training_{model, *optimizer_, scheduler_, random} {
    at_.samples = loader.data().size();
    if (options.resume) resume();
  }

  void run(const std::function<Tensor(const Dataset&)>& loss_of, FILE* out) {
    std::optional<InterruptWatch> watch;
    if (!options_.checkpoint.empty()) watch.emplace();
    Progress progress(options_.epochs, steps_, out, at_.epoch * steps_ + at_.batch, at_.loss);
    while (at_.epoch < options_.epochs) {
      const Loader::Epoch epoch = loader_.epoch(at_.epoch);
      if (at_.batch == 0) at_.loss.reset();
      for (Loader::Epoch::Iterator batch(epoch, size_t(at_.batch)); batch != epoch.end(); ++batch) {
        if (InterruptWatch::noted() != 0 && watch) stop();
        const Dataset samples = *batch;
        const double loss = step(loss_of(samples));
        at_.loss.add(loss, double(samples.size()));
        ++at_.batch;
        progress.step(loss, samples.size());
      }
      ++at_.epoch;
      at_.batch = 0;
      if (at_.epoch % options_.checkpoint_every == 0 || at_.epoch == options_.epochs) save();
    }
  }
  double loss() const { return at_.loss.mean(); }

 private:
  double step(const Tensor& loss) {
    const double value = loss.item();
    if (!std::isfinite(value))
      throw DomainError(fmt::format("train: the loss became {} in epoch {}, wanted it finite; try a smaller --lr",
                                    std::isnan(value) ? "nan" : "infinite", at_.epoch + 1));
    optimizer_->zero_grad();
    backward(loss);
    optimizer_->step();
    scheduler_.step();
    return value;
  }
  void save() const {
    if (!options_.checkpoint.empty()) save_checkpoint(options_.checkpoint, options_.config, training_, at_);
  }
  void resume() {
    const Position saved = load_checkpoint(options_.checkpoint, training_);
    if (saved.samples != at_.samples || saved.epoch < 0 || saved.epoch > options_.epochs || saved.batch < 0 ||
        saved.batch >= steps_)
      throw FileError(fmt::format(
          "{}: stands at batch {} of epoch {} on {} samples, but there are {} batches, {} epochs and {} samples; "
          "resume with the data it was made on",
          options_.checkpoint, saved.batch, saved.epoch, saved.samples, steps_, options_.epochs, at_.samples));
    at_ = saved;
  }
  [[noreturn]] void stop() const {
    save();
    throw Interrupted(InterruptWatch::noted(), fmt::format("interrupted in epoch {} of {}, and saved; go on with: {}",
                                                           at_.epoch + 1, options_.epochs, options_.again));
  }

  const TrainOptions& options_;
  const Loader& loader_;
  int64_t steps_;
  std::unique_ptr<Optimizer> optimizer_;
  Scheduler scheduler_;
  Training training_;
  Position at_;
};

}  // namespace

TrainResult fit(const TrainOptions& options, Module& model, const Loader& loader,
                const std::function<Tensor(const Dataset&)>& loss_of, Generator* random, FILE* out) {
  const auto begin = std::chrono::steady_clock::now();
  model.train();
  Fitting fitting(options, model, loader, random);
  fitting.run(loss_of, out);
  TrainResult result;
  result.loss = fitting.loss();
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
  const int64_t classes = class_count(split);
  const std::unique_ptr<Module> model = make_model(options, split.train["features"], classes);
  const Loader loader(split.train, {.batch_size = options.batch_size, .seed = options.seed});
  const auto loss_of = [&](const Dataset& batch) {
    const Tensor scores = (*model)(batch["features"]), &labels = batch["labels"];
    const Tensor wanted = target.labels ? labels : one_hot(labels, classes, scores.dtype());
    return evaluate(target.entry, {{{target.prediction, scores}, {target.target, wanted}}, {}});
  };
  TrainResult result = fit(options, *model, loader, loss_of, nullptr, out);
  result.accuracy = accuracy_of(predict(*model, split.test["features"]), split.test["labels"]);
  return result;
}

}  // namespace gradus
