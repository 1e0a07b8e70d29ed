// A training: the loop over epochs and batches, what it writes on the way, and what comes out.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "gradus/cli/evaluation.h"
#include "gradus/cli/ingredients.h"
#include "gradus/cli/metrics.h"
#include "gradus/cli/train_files.h"
#include "gradus/cli/train_options.h"
#include "gradus/nn/module.h"

namespace gradus {

struct TrainResult {
  Evaluation test;
  double loss = 0;     // mean over the last epoch
  double seconds = 0;  // of training, its looks at the test half included
  std::string weights_hash;
  std::vector<EpochFigures> history;
};

/// How many outputs a model for these data has: classes, or the width of an embedding.
int64_t outputs_for(const TrainOptions& options, const Data& data);

/// Trains a model as the options say, shows progress on `out`, writes `files`, and evaluates it. Saves and resumes as
/// the options say. Throws DomainError when loss or gradients are no longer finite, Interrupted when a signal came and
/// the training is saved, FileError when it cannot be saved or resumed, ParamError where model, loss and data do not
/// suit each other, before anything is written.
TrainResult train(const TrainOptions& options, const TrainFiles& files, const Data& data, FILE* out);

/// 64-bit FNV-1a over the bytes of all parameters and buffers, in hexadecimal.
std::string weights_hash(Module& model);
/// The same of the samples of both halves, over words of 64 bits.
uint64_t data_hash(const Split& split);

}  // namespace gradus
