// What the training commands share: options, data by name, model, optimiser, and the loop over epochs and batches.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gradus/core/random.h"
#include "gradus/data/collapse.h"
#include "gradus/data/dataset.h"
#include "gradus/data/loader.h"
#include "gradus/data/retrieval.h"
#include "gradus/nn/module.h"
#include "gradus/optim/optimizer.h"

namespace gradus {

struct TrainOptions {
  std::string data = "digits", model = "mlp", loss, optimizer = "sgd", dtype = "float32";
  std::optional<double> lr;  // otherwise the optimiser's own
  int64_t epochs = 40, batch_size = 32;
  uint64_t seed = 1;
  bool json = false;
  std::string checkpoint;        // where to save the training; "": nowhere
  int64_t checkpoint_every = 1;  // epochs
  bool resume = false;           // go on from the checkpoint
  std::string config;            // what the checkpoint keeps of all this, as JSON
  std::string again;             // the command that goes on, for the message of an interrupt
  std::string picture;           // where to draw the embedding; "": nowhere
};

/// What suits an embedding better.
TrainOptions triplet_defaults();

struct TrainResult {
  double accuracy = 0;        // on the test half: of the classifier, or of the nearest neighbours in the embedding
  double raw_accuracy = 0;    // of the nearest neighbours among raw pixels
  RetrievalScores retrieval;  // of the embedding, on the test half alone
  EmbeddingSpread spread;
  double seconds = 0;  // of training alone
  double loss = 0;     // mean over the last epoch
  std::string weights_hash;
};

constexpr int64_t neighbours = 5;  // k of every nearest-neighbour accuracy

/// "digits", a synthetic set, or a folder of IDX files; features in options.dtype. Throws ParamError when it is
/// neither.
Split load_data(const TrainOptions& options);
/// One more than the largest label of both halves.
int64_t class_count(const Split& split);

/// Trains a classifier of `split` with options.loss (default cross_entropy); `out` shows progress.
TrainResult train_classifier(const TrainOptions& options, const Split& split, FILE* out);
/// Trains an embedding in which samples of one class lie together, with options.loss (default triplet_margin_loss).
TrainResult train_embedding(const TrainOptions& options, const Split& split, FILE* out);
/// The raw-pixel yardstick.
double raw_knn_accuracy(const Split& split);

// ---- the pieces ---------------------------------------------------------------------------------

/// The model of options.model for images (N, channels, height, width), or for points (N, features). Throws ParamError
/// where they do not suit it.
std::unique_ptr<Module> make_model(const TrainOptions& options, const Tensor& features, int64_t outputs);
std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, Module& model);
/// Runs the epochs; loss_of(batch) records the loss of one batch, with the random numbers of `random`, which may be
/// null. The result lacks the accuracies. Saves and resumes as the options say. Throws DomainError when the loss is no
/// longer finite, Interrupted when a signal came and the training is saved, FileError when it cannot be saved or
/// resumed.
TrainResult fit(const TrainOptions& options, Module& model, const Loader& loader,
                const std::function<Tensor(const Dataset&)>& loss_of, Generator* random, FILE* out);
/// model(features), in batches, with nothing recorded, in evaluation mode.
Tensor predict(Module& model, const Tensor& features);
/// 64-bit FNV-1a over the bytes of all parameters and buffers, in hexadecimal.
std::string weights_hash(Module& model);

}  // namespace gradus
