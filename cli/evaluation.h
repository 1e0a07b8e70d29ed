// How good a trained model is on the test half: of a classifier and of an embedding.
#pragma once
#include <functional>
#include <optional>

#include "gradus/cli/metrics.h"
#include "gradus/cli/train_options.h"
#include "gradus/data/collapse.h"
#include "gradus/data/dataset.h"
#include "gradus/data/retrieval.h"
#include "gradus/nn/module.h"

namespace gradus {

constexpr int64_t default_neighbours = 5;
constexpr int64_t embedding_width = 32;

struct Evaluation {
  Tensor outputs;           // (N, classes) scores of the test samples, or (N, embedding_width)
  double accuracy = 0;      // of the classifier, or of the nearest neighbours in the embedding
  double loss = 0;          // of the classifier
  int64_t k = 0;            // neighbours
  double raw_accuracy = 0;  // of the nearest neighbours among raw features
  RetrievalScores retrieval;
  EmbeddingSpread spread;
};

/// options.loss (default cross_entropy) of scores (N, classes) and labels (N). Throws ParamError where it does not suit
/// a classifier.
std::function<Tensor(const Tensor& scores, const Tensor& labels)> classification_loss(const TrainOptions& options,
                                                                                      int64_t classes);
/// Throws ParamError unless that loss of a batch is the mean over its samples, as --accumulate needs it.
void check_adds_up(const TrainOptions& options, int64_t classes);
/// Of a model with `outputs` outputs, on the test half. k: of the nearest neighbours, for an embedding. Throws
/// ParamError where the data do not suit the model.
Evaluation evaluate_model(const TrainOptions& options, Module& model, int64_t outputs, const Split& split,
                          int64_t k = default_neighbours);
struct QuickScores {
  NamedNumbers scores;
  std::string collapse;  // what to do about an embedding that has collapsed; "" where it has not
};
/// What is quick enough to be looked at after every epoch.
QuickScores quick_scores(const TrainOptions& options, Module& model, int64_t outputs, const Dataset& test);

/// model(features), in batches, with nothing recorded, in evaluation mode.
Tensor outputs_of(Module& model, const Tensor& features);

/// The scores by the names that reports give them.
NamedNumbers named_scores(const TrainOptions& options, const Evaluation& evaluation);
/// The same in some lines of text for people; `seconds` of training, nothing where there was none.
void print_scores(const TrainOptions& options, const Evaluation& evaluation, int64_t samples,
                  std::optional<double> seconds);

}  // namespace gradus
