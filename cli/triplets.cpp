#include "gradus/cli/triplets.h"

#include <fmt/core.h>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/data/dataset.h"
#include "gradus/data/miners.h"
#include "gradus/losses/cdist.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

Tensor positions(const Indices& list) { return from_data(list.data(), {int64_t(list.size())}); }

// Every ordered pair of one class, each with a random sample of another.
Triplets random_triplets(const Tensor& labels, Generator& generator) {
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

Triplets mined(const std::string& mining, const Tensor& embedded, const Tensor& labels, double margin) {
  const NoGrad quiet;
  const Tensor distances = cdist(embedded, embedded, {});
  if (mining == "batch-hard") return batch_hard_triplets(distances, labels);
  return mine_triplets(distances, labels, mining == "all" ? Hardness::all : Hardness::semi_hard, margin);
}

std::string loss_name(const TrainOptions& options) {
  return options.loss.empty() ? "triplet_margin_loss" : options.loss;
}

}  // namespace

double margin_of(const TrainOptions& options) {
  const LossEntry& entry = loss_named(loss_name(options));
  const LossParameters defaults(entry);
  const FormulaEntry& formula = *entry.formula(0);
  for (int k = 0; k < formula.inputs; ++k)
    if (const Param* p = formula.param(const_cast<void*>(defaults.get()), k);
        p && formula.input(k)->name == std::string("margin"))
      return p->number();
  return 1;
}

std::function<Tensor(const Tensor&, const Tensor&)> triplet_loss(const TrainOptions& options, Generator& random) {
  const std::string name = loss_name(options);
  const LossEntry& entry = loss_named(name);
  const std::vector<std::string> names = known_names(entry);
  if (names.size() >= 2 && names[0] == "input" && names[1] == "labels") {  // which finds its own pairs in the batch
    if (options.mining != "random")
      throw ParamError(fmt::format("--mining: {} picks triplets, but {} finds its pairs itself; leave --mining out",
                                   options.mining, name));
    return [&entry](const Tensor& embedded, const Tensor& labels) {
      return evaluate(entry, {{{"input", embedded}, {"labels", to(labels, embedded.device())}}, {}});
    };
  }
  if (names.size() < 3 || names[0] != "anchor" || names[1] != "positive" || names[2] != "negative")
    throw ParamError(
        fmt::format("--loss: {} takes neither anchor, positive and negative nor an embedding and its labels; try "
                    "triplet_margin_loss or multi_similarity_loss",
                    name));
  return [&entry, &random, mining = options.mining, margin = margin_of(options)](const Tensor& embedded,
                                                                                 const Tensor& labels) {
    const Triplets t = mining == "random" ? random_triplets(labels, random) : mined(mining, embedded, labels, margin);
    const auto pick = [&](const Tensor& rows) { return index_select(embedded, 0, to(rows, embedded.device())); };
    return evaluate(entry,
                    {{{"anchor", pick(t.anchor)}, {"positive", pick(t.positive)}, {"negative", pick(t.negative)}}, {}});
  };
}

}  // namespace gradus
