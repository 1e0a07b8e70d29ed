#include "gradus/cli/trained_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "gradus/cli/checkpoint.h"
#include "gradus/cli/samples_file.h"
#include "gradus/cli/train_files.h"
#include "gradus/core/error.h"

namespace gradus {
namespace {

Shape sample_of(const nlohmann::ordered_json& config) {
  Shape sample;
  for (const int64_t extent : config.at("sample").get<std::vector<int64_t>>()) sample.push_back(extent);
  return sample;
}

Shape with_batch(const Shape& sample) {
  Shape shape = {1};
  for (int64_t d = 0; d < sample.rank(); ++d) shape.push_back(sample[d]);
  return shape;
}

std::optional<Wording> wording_of(const nlohmann::ordered_json& config, const Shape& sample) {
  if (!config.contains("words")) return {};
  Wording wording;
  config.at("words").get_to(wording.words);
  config.at("answers").get_to(wording.answers);
  wording.length = sample.rank() == 1 ? sample[0] : 0;
  const bool empty =
      std::any_of(wording.answers.begin(), wording.answers.end(), [](const auto& a) { return a.empty(); });
  if (wording.words.size() < 2 || wording.answers.empty() || wording.answers.size() > 2 || empty || wording.length < 1)
    throw std::out_of_range("wording");
  return wording;
}

}  // namespace

std::string TrainedModel::name(int64_t label) const { return wording ? wording->name(label) : std::to_string(label); }

void TrainedModel::check_features(const Shape& features) const {
  Shape got;
  for (int64_t d = 1; d < features.rank(); ++d) got.push_back(features[d]);
  if (!(got == sample))
    throw ParamError(
        fmt::format("--data: has samples of shape {}, but the model was trained on {}; take data of that shape",
                    text(got), text(sample)));
}

TrainedModel load_trained(const std::string& path, Device device) {
  const std::string file = checkpoint_at(path), config_of_training = checkpoint_config(file);
  TrainedModel trained;
  take_config(file, config_of_training, trained.options);
  check_train_options(trained.options);
  try {
    const auto config = nlohmann::ordered_json::parse(config_of_training);
    trained.sample = sample_of(config);
    config.at("outputs").get_to(trained.outputs);
    trained.classes = config.value("classes", int64_t{0});
    trained.wording = wording_of(config, trained.sample);
    if (trained.wording && trained.wording->classes() != trained.outputs) throw std::out_of_range("classes");
  } catch (const std::exception&) {
    throw FileError(fmt::format("{}: does not say what its model takes and gives; train it anew", file));
  }
  trained.model =
      make_model(trained.options, {with_batch(trained.sample), trained.outputs, trained.classes, trained.wording});
  trained.epochs = load_weights(file, *trained.model);
  trained.model->eval();
  trained.model->to(device);
  return trained;
}

void check_still_there(const TrainOptions& options) {
  const std::filesystem::path path = options.data;
  std::error_code ignored;
  if ((path.has_parent_path() || path.has_extension()) && !std::filesystem::exists(path, ignored))
    throw ParamError(fmt::format(
        "--data: the model was trained on '{}', which is not there, seen from here; name where it is", options.data));
}

Dataset samples_of(const TrainedModel& trained, const std::string& data) {
  std::error_code ignored;
  if (holds_texts(data)) {
    if (!trained.wording)
      throw ParamError("--data: are texts, but the model was trained on numbers; take data of that kind");
    return trained.wording->encode(read_texts(data));
  }
  if (trained.wording && !data.empty() && data != "phrases")
    throw ParamError("--data: are numbers, but the model was trained on texts; take a .jsonl file of those");
  if (!data.empty() && std::filesystem::is_regular_file(data, ignored))
    return read_samples(data, precision_of(trained.options), trained.sample.numel());
  TrainOptions options = trained.options;
  if (!data.empty()) options.data = data;
  else check_still_there(options);
  return load_data(options, trained.wording).test;
}

}  // namespace gradus
