#include "gradus/cli/ingredients.h"

#include <fmt/core.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "gradus/cli/samples_file.h"
#include "gradus/cli/triplets.h"
#include "gradus/core/error.h"
#include "gradus/data/digits.h"
#include "gradus/data/idx.h"
#include "gradus/data/synthetic.h"
#include "gradus/data/transforms.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/models.h"
#include "gradus/nn/proxies.h"
#include "gradus/nn/resnet.h"
#include "gradus/nn/text_classifier.h"
#include "gradus/nn/transformer_classifier.h"
#include "gradus/nn/unit_sphere.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/ranges.h"
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

template <class M> std::unique_ptr<Module> own(M model) { return std::make_unique<M>(std::move(model)); }

std::unique_ptr<Module> of_texts(const std::string& name, const Purpose& purpose, Generator& generator) {
  constexpr int64_t width = 64;
  const Wording& wording = *purpose.wording;
  const auto words = int64_t(wording.words.size());
  if (name == "text") {
    const auto answers = int64_t(wording.answers.back().size());
    const bool twice = wording.answers.size() > 1;
    return own(AnswerClassifier(words, width, twice ? purpose.outputs / answers : purpose.outputs, twice ? answers : 1,
                                generator));
  }
  if (name == "transformer")
    return own(TransformerClassifier::of_tokens(words, wording.length, purpose.outputs, {.width = width}, generator));
  throw ParamError(fmt::format("--model: {} takes numbers, but the data are texts; use text or transformer", name));
}

std::unique_ptr<Module> untrained(const std::string& name, const Purpose& purpose, Generator& generator) {
  if (purpose.wording) return of_texts(name, purpose, generator);
  const Shape& shape = purpose.features;
  const int64_t outputs = purpose.outputs;
  Shape one = shape;
  one[0] = 1;
  const int64_t features = one.numel();
  if (name == "text")
    throw ParamError(
        "--model: text takes texts, but the data are numbers; use --data phrases or a file .jsonl, or another model");
  if (name == "logistic") return own(logistic_regression(features, outputs, generator));
  if (name == "mlp") return own(mlp({features, 256, 128, outputs}, generator));
  if (shape.rank() != 4)
    throw ParamError(fmt::format(
        "--model: {} takes images, but a sample of the data is {} numbers; use logistic or mlp", name, features));
  const int64_t channels = shape[1], height = shape[2], width = shape[3];
  if (name == "transformer")
    return own(TransformerClassifier::of_vectors(channels * width, height, outputs, {}, generator));
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

// Divided before words are counted: of the test half a training knows nothing.
Data halves_of_texts(const TrainOptions& options, const Texts& texts, const std::optional<Wording>& known) {
  if (options.task == "triplet")
    throw ParamError(
        "--data: texts have no distances that an embedding could be compared with; use gradus train classify");
  const auto n = int64_t(texts.texts.size());
  Wording all = learn_wording(texts);
  const Dataset numbered({{"text", arange(n)}, {"labels", all.encode(texts)["labels"]}});
  const Split both = split(numbered, test_share, split_seed, "labels");
  const auto those = [&](const Dataset& half) {
    Texts some;
    const Tensor text = half["text"];
    for (int64_t i = 0; i < half.size(); ++i) {
      const auto at = size_t(text.data<int64_t>()[i]);
      some.texts.push_back(texts.texts[at]), some.answers.push_back(texts.answers[at]);
    }
    return some;
  };
  const Texts train = those(both.train), test = those(both.test);
  Wording wording = known ? *known : learn_wording(train);
  if (!known) wording.answers = all.answers;
  return {{wording.encode(train), wording.encode(test)}, wording};
}

}  // namespace

Dtype precision_of(const TrainOptions& options) { return options.dtype == "float64" ? Dtype::float64 : Dtype::float32; }

bool holds_texts(const std::string& path) { return path.ends_with(".jsonl") || path.ends_with(".jsonl.gz"); }

Data load_data(const TrainOptions& options, const std::optional<Wording>& wording) {
  const Dtype dtype = precision_of(options);
  const auto converted = [&](const Split& s) { return Data{{s.train.to(dtype), s.test.to(dtype)}}; };
  if (options.data == "digits") return converted(halves(digits()));
  if (const std::optional<Split> points = synthetic(options.data)) return converted(*points);
  if (options.data == "phrases") return halves_of_texts(options, phrases(2000), wording);
  std::error_code ignored;
  if (std::filesystem::is_directory(options.data, ignored)) return converted(read_idx_folder(options.data));
  if (!std::filesystem::exists(options.data, ignored))
    throw ParamError(
        fmt::format("--data: there is no file or folder '{}'; wanted digits, moons, circles, spirals, blobs, phrases, "
                    "a folder with the four IDX files of MNIST, or a file .npz, .csv or .jsonl",
                    options.data));
  const auto check = [&](bool labelled) {
    if (!labelled)
      throw FileError(fmt::format("{}: has no labels to learn; add them, or try gradus predict", options.data));
  };
  if (holds_texts(options.data)) {
    const Texts texts = read_texts(options.data);
    check(texts.labelled());
    return halves_of_texts(options, texts, wording);
  }
  const Dataset samples = read_samples(options.data, dtype);
  check(has_labels(samples));
  return {halves(samples)};
}

int64_t class_count(const Split& split) {
  const Tensor largest = maximum(max(split.train["labels"]), max(split.test["labels"]));
  return largest.item_integer() + 1;
}

std::unique_ptr<Module> make_model(const TrainOptions& options, const Purpose& purpose) {
  Generator generator(uint64_t(options.seed));
  std::unique_ptr<Module> model = untrained(options.model, purpose, generator);
  if (options.normalise) model = std::make_unique<UnitSphere>(std::move(model));
  if (options.task == "triplet" && takes_proxies(options))
    model = std::make_unique<WithProxies>(std::move(model), purpose.classes, purpose.outputs, generator);
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
