#include "gradus/cli/evaluation.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "gradus/autograd/engine.h"
#include "gradus/cli/progress.h"
#include "gradus/cli/triplets.h"
#include "gradus/core/error.h"
#include "gradus/data/knn.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

bool classifies(const TrainOptions& options) { return options.task == "classify"; }

double accuracy_of(const Tensor& scores, const Tensor& labels) {
  return mean(to(eq(argmax(scores, 1), labels), Dtype::float64)).item();
}

// What of the data is the loss's target: labels where it takes them, else one-hot rows.
struct Target {
  const LossEntry& entry;
  std::string prediction, target;
  bool labels;
};

Target target_of(const std::string& loss) {
  const LossEntry& entry = loss_named(loss);
  const LossParameters defaults(entry);
  const FormulaEntry& formula = *entry.formula(0);
  std::vector<const InputFacts*> required;
  for (int k = 0; k < formula.inputs; ++k)
    if (!formula.param(const_cast<void*>(defaults.get()), k)) required.push_back(formula.input(k));
  if (required.size() != 2)
    throw ParamError(
        fmt::format("--loss: {} takes {} input{}, a classifier has a prediction and a target; try cross_entropy", loss,
                    required.size(), required.size() == 1 ? "" : "s"));
  if (!required[0]->differentiable)
    throw ParamError(fmt::format("--loss: {} has no gradient to learn from; try cross_entropy", loss));
  if (entry.about->fixed && entry.about->reduction == Reduction::none)
    throw ParamError(fmt::format("--loss: {} gives many numbers, wanted one to make small; try cross_entropy", loss));
  if (const Range& r = required[1]->range; !required[1]->label && r.only_ends && r.low != 0)
    throw ParamError(
        fmt::format("--loss: {} wants targets of {:g} or {:g}, and a class is 0 or 1 in each column; try "
                    "cross_entropy",
                    loss, r.low, r.high));
  const std::string_view called = entry.about->name;
  if (called == "nll_loss" || called == "kl_div")  // it would fall without end
    throw ParamError(
        fmt::format("--loss: {} wants log-probabilities, and a classifier gives scores; try cross_entropy, which takes "
                    "those",
                    loss));
  if (const Range& r = required[0]->range; bounded(r))
    throw ParamError(
        fmt::format("--loss: {} wants predictions in [{:g}, {:g}], and a classifier gives scores of any size; try "
                    "cross_entropy",
                    loss, r.low, r.high));
  return {entry, required[0]->name, required[1]->name, required[1]->label};
}

void check_labels(const Tensor& labels, int64_t classes) {
  if (const int64_t largest = max(labels).item_integer(); largest >= classes)
    throw ParamError(
        fmt::format("--data: has the label {}, but the model was trained on {} classes; take data with "
                    "the same labels",
                    largest, classes));
}

}  // namespace

std::function<Tensor(const Tensor&, const Tensor&)> classification_loss(const TrainOptions& options, int64_t classes) {
  const Target target = target_of(options.loss.empty() ? "cross_entropy" : options.loss);
  return [target, classes](const Tensor& scores, const Tensor& labels) {
    const Tensor there = to(labels, scores.device());
    const Tensor wanted = target.labels ? there : one_hot(there, classes, scores.dtype());
    return evaluate(target.entry, {{{target.prediction, scores}, {target.target, wanted}}, {}});
  };
}

void check_adds_up(const TrainOptions& options, int64_t classes) {
  const Target target = target_of(options.loss.empty() ? "cross_entropy" : options.loss);
  const auto& about = *target.entry.about;
  const auto of_each = [&] {
    const Tensor two = zeros({2}, Dtype::int64);
    const LossArguments each = {{{target.prediction, full({2, classes}, 0.5)},
                                 {target.target, target.labels ? two : one_hot(two, classes, Dtype::float32)}},
                                {{"reduction", "none"}}};
    const Shape shape = evaluate(target.entry, each).shape();
    return shape.rank() > 0 && shape[0] == 2;
  };
  if (about.fixed || (about.reduction != Reduction::mean && about.reduction != Reduction::batchmean) || !of_each())
    throw ParamError(
        fmt::format("--accumulate: got {}, but {} is no mean over samples, whose parts add up; leave --accumulate out",
                    options.accumulate, about.name));
}

Evaluation evaluate_model(const TrainOptions& options, Module& model, int64_t outputs, const Split& split, int64_t k) {
  const NoGrad quiet;
  const Tensor &features = split.test["features"], &labels = split.test["labels"];
  Evaluation e;
  if (classifies(options)) {
    check_labels(labels, outputs);
    e.outputs = outputs_of(model, features);
    e.accuracy = accuracy_of(e.outputs, labels);
    e.loss = classification_loss(options, outputs)(e.outputs, labels).item();
    return e;
  }
  const Tensor &known = split.train["features"], &known_labels = split.train["labels"];
  e.k = k;
  if (k > known.size(0))
    throw ParamError(
        fmt::format("--k: got {} neighbours, but there are {} training samples; take more data, or at most "
                    "so many neighbours",
                    k, known.size(0)));
  e.raw_accuracy = knn_accuracy(known, known_labels, features, labels, k);
  e.outputs = outputs_of(model, features);
  e.accuracy = knn_accuracy(outputs_of(model, known), known_labels, e.outputs, labels, k);
  e.retrieval = retrieval_scores(e.outputs, labels);
  e.spread = embedding_spread(e.outputs, labels, margin_of(options));
  return e;
}

QuickScores quick_scores(const TrainOptions& options, Module& model, int64_t outputs, const Dataset& test) {
  const NoGrad quiet;
  if (classifies(options)) {
    const Tensor scores = outputs_of(model, test["features"]);
    return {{{"test_loss", classification_loss(options, outputs)(scores, test["labels"]).item()},
             {"test_accuracy", accuracy_of(scores, test["labels"])}},
            ""};
  }
  constexpr int64_t most = 2000;  // the cost goes with the square
  const int64_t n = std::min(most, test.size());
  const Tensor labels = slice(test["labels"], 0, 0, n);
  const Tensor embedded = outputs_of(model, slice(test["features"], 0, 0, n));
  const RetrievalScores scores = retrieval_scores(embedded, labels);
  const EmbeddingSpread spread = embedding_spread(embedded, labels, margin_of(options));
  return {{{"precision_at_1", scores.precision_at_1},
           {"map_at_r", scores.map_at_r},
           {"mean_distance", spread.mean_distance},
           {"active_fraction", spread.active_fraction}},
          spread.collapsed ? spread.advice : ""};
}

Tensor outputs_of(Module& model, const Tensor& features) {
  constexpr int64_t batch = 1024;
  const NoGrad quiet;
  const bool training = model.training();
  model.eval();
  const NamedTensors parameters = model.named_parameters();
  const Device device = parameters.empty() ? cpu : parameters[0].second.device();
  const int64_t n = features.shape()[0];
  Tensor all;
  for (int64_t from = 0; from < n; from += batch) {
    const Tensor part = model(to(slice(features, 0, from, std::min(from + batch, n)), device));
    if (!all.defined()) all = Tensor({n, part.shape()[1]}, part.dtype());
    Tensor rows = slice(all, 0, from, from + part.shape()[0]);
    copy_elements(part, rows);
  }
  model.train(training);
  return all;
}

NamedNumbers named_scores(const TrainOptions& options, const Evaluation& e) {
  if (classifies(options)) return {{"test_accuracy", e.accuracy}, {"test_loss", e.loss}};
  NamedNumbers scores = {{"knn_accuracy", e.accuracy},
                         {"raw_knn_accuracy", e.raw_accuracy},
                         {"precision_at_1", e.retrieval.precision_at_1},
                         {"r_precision", e.retrieval.r_precision},
                         {"map_at_r", e.retrieval.map_at_r}};
  for (const auto& [k, recall] : e.retrieval.recall_at) scores.emplace_back(fmt::format("recall_at_{}", k), recall);
  scores.emplace_back("mean_distance", e.spread.mean_distance);
  scores.emplace_back("active_fraction", e.spread.active_fraction);
  return scores;
}

void print_scores(const TrainOptions& options, const Evaluation& e, int64_t samples, std::optional<double> seconds) {
  const std::string trained = seconds ? fmt::format(", trained in {}", duration_text(*seconds)) : "";
  if (classifies(options)) {
    fmt::print("test accuracy {:.2f} % on {} samples{}\n", 100 * e.accuracy, samples, trained);
    return;
  }
  fmt::print("{} nearest neighbour{}: {:.2f} % in the embedding, {:.2f} % in the raw data, on {} samples{}\n", e.k,
             e.k == 1 ? "" : "s", 100 * e.accuracy, 100 * e.raw_accuracy, samples, trained);
  fmt::print("precision@1 {:.2f} %, MAP@R {:.2f} %, R-precision {:.2f} %", 100 * e.retrieval.precision_at_1,
             100 * e.retrieval.map_at_r, 100 * e.retrieval.r_precision);
  for (const auto& [k, recall] : e.retrieval.recall_at)
    if (k > 1) fmt::print(", recall@{} {:.2f} %", k, 100 * recall);
  fmt::print("\nmean distance {:.3g}, {:.2f} % of the triplets still pull\n", e.spread.mean_distance,
             100 * e.spread.active_fraction);
  if (!e.spread.advice.empty()) fmt::print("{}\n", e.spread.advice);
}

}  // namespace gradus
