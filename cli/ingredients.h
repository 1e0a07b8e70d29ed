// What a training is made of, by name: data, model, optimiser.
#pragma once
#include <memory>
#include <optional>

#include "gradus/cli/train_options.h"
#include "gradus/data/dataset.h"
#include "gradus/data/texts.h"
#include "gradus/nn/module.h"
#include "gradus/optim/optimizer.h"

namespace gradus {

/// Both halves of the data of a training, and for texts what their numbers mean.
struct Data : Split {
  std::optional<Wording> wording = {};
};

/// Both halves of options.data: "digits", a synthetic set, a folder of IDX files, or a file (see read_samples and
/// read_texts), of which a fifth is the test half. Features in options.dtype; texts are numbered by `wording`, or by
/// what is learned from their training half. Throws ParamError when it is none of these, has no labels, or its texts
/// have others than `wording`.
Data load_data(const TrainOptions& options, const std::optional<Wording>& wording = {});
/// Is it a file of texts, by its name?
bool holds_texts(const std::string& path);
/// One more than the largest label of both halves.
int64_t class_count(const Split& split);

/// What a model is made for: the samples (N, ...), of which the first extent does not count, the number of its outputs,
/// for proxies that of the classes, and for texts their wording.
struct Purpose {
  Shape features;
  int64_t outputs;
  int64_t classes = 0;
  std::optional<Wording> wording = {};
};
/// The model of options.model for images (N, channels, height, width), points (N, features) or texts (N, length).
/// Throws ParamError where they do not suit it.
std::unique_ptr<Module> make_model(const TrainOptions& options, const Purpose& purpose);
std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, Module& model);

Dtype precision_of(const TrainOptions& options);

}  // namespace gradus
