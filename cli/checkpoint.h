// Checkpoints: everything a training needs to go on bit for bit, in one safetensors file.
#pragma once
#include <string>

#include "gradus/cli/rate_schedule.h"
#include "gradus/core/random.h"
#include "gradus/data/meter.h"
#include "gradus/nn/module.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/weight_average.h"

namespace gradus {

/// Where in the data a training stands: the next batch, and the loss of the epoch so far.
struct Position {
  int64_t epoch = 0, batch = 0;
  int64_t samples = 0;     // of the training data, and what they hash to: by these, other data are noticed
  uint64_t data_hash = 0;  // 0: not known, in files older than this
  RunningMean loss;
};

/// What changes while a training runs, beside the process's random numbers; those of its own may be null.
struct Training {
  Module& model;
  Optimizer& optimizer;
  RateSchedule& schedule;
  Generator* random;
  WeightAverage* average;  // null where none is kept
};

/// Writes the file: "model.…", "optimizer.…", "schedule.…", "average.…", "position.…" and "random.…" as tensors, and
/// `config` (JSON) among the metadata. Throws FileError as write_safetensors; then the file is as it was.
void save_checkpoint(const std::string& path, const std::string& config, const Training& training,
                     const Position& position);
/// Restores all of a training and returns where it stood. Throws FileError when the file is no checkpoint or damaged,
/// and the errors of load_state_dict and load_state when it is one of another model or optimiser.
Position load_checkpoint(const std::string& path, const Training& training);
/// Restores the model alone, with the average of its weights where one was kept, and returns how many epochs it was
/// trained. Throws as load_checkpoint.
int64_t load_weights(const std::string& path, Module& module);
/// What the data hashed to that the model was trained on; 0 where the file does not say.
uint64_t data_hash_of(const std::string& path);
/// The config that a checkpoint was written with.
std::string checkpoint_config(const std::string& path);

}  // namespace gradus
