// A model as a checkpoint of gradus train keeps it.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gradus/cli/ingredients.h"
#include "gradus/cli/train_options.h"
#include "gradus/nn/module.h"

namespace gradus {

struct TrainedModel {
  TrainOptions options;  // of its training
  Shape sample;          // of one sample, without the first extent
  int64_t outputs = 0;
  int64_t classes = 0;             // of the loss's proxies
  int64_t epochs = 0;              // done
  std::optional<Wording> wording;  // of its texts
  std::unique_ptr<Module> model;

  /// The name of a class: an answer to what texts are asked, or its number.
  std::string name(int64_t label) const;
  /// Throws ParamError where samples (N, ...) are not of that shape.
  void check_features(const Shape& features) const;
};

/// From a checkpoint, or the folder of --out. Throws FileError when it is none, or none of this model.
TrainedModel load_trained(const std::string& path, Device device = cpu);

/// What is to be looked at: of a file all samples, with labels or without; of everything else the test half; of "" the
/// test half of what the model was trained on. Throws ParamError where texts and numbers are confused, as load_data
/// else.
Dataset samples_of(const TrainedModel& trained, const std::string& data);
/// Throws ParamError where the file or folder of a training is there no more.
void check_still_there(const TrainOptions& options);

}  // namespace gradus
