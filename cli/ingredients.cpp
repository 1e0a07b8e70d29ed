#include "gradus/cli/ingredients.h"

#include <fmt/core.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "gradus/cli/samples_file.h"
#include "gradus/core/error.h"
#include "gradus/data/digits.h"
#include "gradus/data/idx.h"
#include "gradus/data/synthetic.h"
#include "gradus/data/transforms.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/models.h"
#include "gradus/nn/resnet.h"
#include "gradus/nn/unit_sphere.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/optim/adadelta.h"
#include "gradus/optim/adagrad.h"
#include "gradus/optim/adam.h"
#include "gradus/optim/lion.h"
#include "gradus/optim/rmsprop.h"
#include "gradus/optim/sgd.h"

namespace gradus {
namespace {

constexpr double test_share = 0.2;
constexpr uint64_t split_seed = 0;  // the same test half for every --seed, so that accuracies compare

Split halves(const Dataset& data) { return split(data, test_share, split_seed, "labels"); }

std::unique_ptr<Module> untrained(const std::string& name, const Shape& shape, int64_t outputs, Generator& generator) {
  const auto own = []<class M>(M model) -> std::unique_ptr<Module> { return std::make_unique<M>(std::move(model)); };
  Shape one = shape;
  one[0] = 1;
  const int64_t features = one.numel();
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
  const Split both = halves(*data);
  const Rescaling rescale = standardisation(both.train["features"]);
  const auto rescaled = [&](const Dataset& half) {
    return Dataset({{"features", rescale(half["features"])}, {"labels", half["labels"]}});
  };
  return Split{rescaled(both.train), rescaled(both.test)};
}

}  // namespace

Dtype precision_of(const TrainOptions& options) { return options.dtype == "float64" ? Dtype::float64 : Dtype::float32; }

Split load_data(const TrainOptions& options) {
  const Dtype dtype = precision_of(options);
  const auto converted = [&](const Split& s) { return Split{s.train.to(dtype), s.test.to(dtype)}; };
  if (options.data == "digits") return converted(halves(digits()));
  if (const std::optional<Split> points = synthetic(options.data)) return converted(*points);
  std::error_code ignored;
  if (std::filesystem::is_directory(options.data, ignored)) return converted(read_idx_folder(options.data));
  if (!std::filesystem::exists(options.data, ignored))
    throw ParamError(
        fmt::format("--data: there is no file or folder '{}'; wanted digits, moons, circles, spirals, blobs, a folder "
                    "with the four IDX files of MNIST, or a file .npz or .csv",
                    options.data));
  const Dataset samples = read_samples(options.data, dtype);
  if (!has_labels(samples))
    throw FileError(fmt::format("{}: has no labels to learn; add them, or try gradus predict", options.data));
  return halves(samples);
}

int64_t class_count(const Split& split) {
  const Tensor largest = maximum(max(split.train["labels"]), max(split.test["labels"]));
  return largest.item_integer() + 1;
}

std::unique_ptr<Module> make_model(const TrainOptions& options, const Shape& features, int64_t outputs) {
  Generator generator(uint64_t(options.seed));
  std::unique_ptr<Module> model = untrained(options.model, features, outputs, generator);
  if (options.normalise) model = std::make_unique<UnitSphere>(std::move(model));
  model->to(precision_of(options));
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

}  // namespace gradus
