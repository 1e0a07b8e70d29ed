#include "gradus/cli/trained_model.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "gradus/cli/checkpoint.h"
#include "gradus/cli/ingredients.h"
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

}  // namespace

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
  } catch (const std::exception&) {
    throw FileError(fmt::format("{}: does not say what its model takes and gives; train it anew", file));
  }
  trained.model = make_model(trained.options, with_batch(trained.sample), trained.outputs);
  trained.epochs = load_weights(file, *trained.model);
  trained.model->eval();
  trained.model->to(device);
  return trained;
}

}  // namespace gradus
