// What a training is made of, by name: data, model, optimiser.
#pragma once
#include <memory>

#include "gradus/cli/train_options.h"
#include "gradus/data/dataset.h"
#include "gradus/nn/module.h"
#include "gradus/optim/optimizer.h"

namespace gradus {

/// Both halves of options.data: "digits", a synthetic set, a folder of IDX files, or a file (see read_samples), of
/// which a fifth is the test half. Features in options.dtype. Throws ParamError when it is none of these or has no
/// labels.
Split load_data(const TrainOptions& options);
/// One more than the largest label of both halves.
int64_t class_count(const Split& split);

/// The model of options.model for images (N, channels, height, width), or for points (N, features), of which the first
/// extent does not count. Throws ParamError where they do not suit it.
std::unique_ptr<Module> make_model(const TrainOptions& options, const Shape& features, int64_t outputs);
std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, Module& model);

Dtype precision_of(const TrainOptions& options);

}  // namespace gradus
