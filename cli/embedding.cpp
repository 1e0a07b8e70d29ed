// Trains an embedding from triplets: an anchor shall lie nearer to a sample of its class than to one of another.
#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "gradus/cli/training.h"
#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/data/atomic_file.h"
#include "gradus/data/knn.h"
#include "gradus/data/pca.h"
#include "gradus/data/sampler.h"
#include "gradus/data/scatter_svg.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

constexpr int64_t embedding_width = 32;
constexpr uint64_t negative_streams = uint64_t{1} << 63;  // apart from those of the batches

struct Triplets {
  Tensor anchor, positive, negative;
};  // positions in the batch, int64 (M)

Tensor positions(const Indices& list) { return from_data(list.data(), {int64_t(list.size())}); }

// Every ordered pair of one class, each with a random sample of another.
Triplets triplets_of(const Tensor& labels, Generator& generator) {
  const int64_t n = labels.numel();
  const auto* label = labels.data<int64_t>();
  Indices anchor, positive, negative;
  for (int64_t i = 0; i < n; ++i) {
    Indices others;
    for (int64_t j = 0; j < n; ++j)
      if (label[j] != label[i]) others.push_back(j);
    if (others.empty()) continue;
    for (int64_t j = 0; j < n; ++j) {
      if (j == i || label[j] != label[i]) continue;
      int64_t pick = 0;
      fill_integers(&pick, 1, 0, int64_t(others.size()), generator);
      anchor.push_back(i), positive.push_back(j), negative.push_back(others[size_t(pick)]);
    }
  }
  return {positions(anchor), positions(positive), positions(negative)};
}

// A loss of triplets, and the margin it asks for.
struct TripletLoss {
  std::function<Tensor(const Tensor& anchor, const Tensor& positive, const Tensor& negative)> of;
  double margin;
};

// The default of the loss's margin; 1 where it has none.
double margin_of(const LossEntry& entry) {
  const LossParameters defaults(entry);
  const FormulaEntry& formula = *entry.formula(0);
  for (int k = 0; k < formula.inputs; ++k)
    if (const Param* p = formula.param(const_cast<void*>(defaults.get()), k);
        p && formula.input(k)->name == std::string("margin"))
      return p->number();
  return 1;
}

TripletLoss triplet_loss_of(const TrainOptions& options) {
  const std::string name = options.loss.empty() ? "triplet_margin_loss" : options.loss;
  const LossEntry& entry = loss_named(name);
  const std::vector<std::string> names = known_names(entry);
  if (names.size() < 3 || names[0] != "anchor" || names[1] != "positive" || names[2] != "negative")
    throw ParamError(
        fmt::format("--loss: {} does not take anchor, positive and negative; try triplet_margin_loss", name));
  return {[&entry](const Tensor& a, const Tensor& p, const Tensor& n) {
            return evaluate(entry, {{{"anchor", a}, {"positive", p}, {"negative", n}}, {}});
          },
          margin_of(entry)};
}

// The embedding along its first two principal components.
void draw(const std::string& path, const Tensor& embedded, const Tensor& labels) {
  const PrincipalComponents p = principal_components(embedded);
  const auto axis = [&](size_t k) {
    return fmt::format("component {}: {:.0f} % of the variance", k + 1, 100 * p.explained[k]);
  };
  const std::string svg = scatter_svg(p.coordinates, labels,
                                      {fmt::format("Embedding of {} test samples", labels.numel()), axis(0), axis(1)});
  write_file(path, {{svg.data(), svg.size()}});
}

}  // namespace

TrainOptions triplet_defaults() {
  TrainOptions options;
  options.optimizer = "adam";
  options.epochs = 20;
  options.batch_size = 60;
  return options;
}

TrainResult train_embedding(const TrainOptions& options, const Split& split, FILE* out) {
  if (options.batch_size < 4)
    throw ParamError(
        fmt::format("--batch-size: got {}, wanted at least 4, two classes of two samples; try 60", options.batch_size));
  const TripletLoss triplet_loss = triplet_loss_of(options);
  const std::unique_ptr<Module> model = make_model(options, split.train["features"], embedding_width);
  const Tensor& labels = split.train["labels"];
  const int64_t classes = std::min(class_count(split), options.batch_size / 2),
                per_class = options.batch_size / classes;
  const Loader loader(split.train,
                      [&](int64_t epoch) { return balanced_batches(labels, classes, per_class, options.seed, epoch); });
  Generator negatives(options.seed, negative_streams);
  const auto loss_of = [&](const Dataset& batch) {
    const Tensor embedded = (*model)(batch["features"]);
    const Triplets t = triplets_of(batch["labels"], negatives);
    return triplet_loss.of(index_select(embedded, 0, t.anchor), index_select(embedded, 0, t.positive),
                           index_select(embedded, 0, t.negative));
  };
  TrainResult result = fit(options, *model, loader, loss_of, &negatives, out);
  const Tensor embedded = predict(*model, split.test["features"]), &test_labels = split.test["labels"];
  result.accuracy = knn_accuracy(predict(*model, split.train["features"]), labels, embedded, test_labels, neighbours);
  result.retrieval = retrieval_scores(embedded, test_labels);
  result.spread = embedding_spread(embedded, test_labels, triplet_loss.margin);
  if (!options.picture.empty()) draw(options.picture, embedded, test_labels);
  result.raw_accuracy = raw_knn_accuracy(split);
  return result;
}

}  // namespace gradus
