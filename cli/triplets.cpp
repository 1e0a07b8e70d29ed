#include "gradus/cli/triplets.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/data/dataset.h"
#include "gradus/data/miners.h"
#include "gradus/losses/cdist.h"
#include "gradus/nn/proxies.h"
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

// What a batch is to the loss.
enum class Kind : uint8_t { triplets, pairs, proxies, none };

Kind kind_of(const LossEntry& entry) {
  const std::vector<std::string> names = known_names(entry);
  const auto is = [&](size_t i, std::initializer_list<const char*> wanted) {
    return i < names.size() && std::find(wanted.begin(), wanted.end(), names[i]) != wanted.end();
  };
  if (is(0, {"anchor"}) && is(1, {"positive"}) && is(2, {"negative"})) return Kind::triplets;
  if (is(0, {"input"}) && is(1, {"labels"})) return Kind::pairs;
  if (is(0, {"input"}) && is(1, {"proxies", "weight", "centers"}) && is(2, {"labels", "target"}) &&
      entry.formula(0)->input(1)->differentiable && std::string_view(entry.formula(0)->input(1)->dims).size() == 2)
    return Kind::proxies;
  return Kind::none;
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

bool takes_proxies(const TrainOptions& options) { return kind_of(loss_named(loss_name(options))) == Kind::proxies; }

std::function<Tensor(const Tensor&, const Tensor&)> triplet_loss(const TrainOptions& options, Generator& random,
                                                                 Module& model) {
  const std::string name = loss_name(options);
  const LossEntry& entry = loss_named(name);
  const Kind kind = kind_of(entry);
  if (kind == Kind::none)
    throw ParamError(fmt::format(
        "--loss: {} takes neither anchor, positive and negative, nor an embedding with its labels, nor with "
        "a vector of each class; try triplet_margin_loss, multi_similarity_loss or proxy_anchor_loss",
        name));
  if (kind != Kind::triplets && options.mining != "random")
    throw ParamError(fmt::format("--mining: {} picks triplets, but {} finds its pairs itself; leave --mining out",
                                 options.mining, name));
  if (kind != Kind::triplets)  // the first inputs have other names in every loss, but one order
    return [&entry, names = known_names(entry), with = dynamic_cast<WithProxies*>(&model)](const Tensor& embedded,
                                                                                           const Tensor& labels) {
      LossArguments arguments{{{names[0], embedded}}, {}};
      if (with) arguments.inputs.emplace_back(names[1], with->proxies());
      arguments.inputs.emplace_back(names[with ? 2 : 1], to(labels, embedded.device()));
      return evaluate(entry, arguments);
    };
  return [&entry, &random, mining = options.mining, margin = margin_of(options)](const Tensor& embedded,
                                                                                 const Tensor& labels) {
    const Triplets t = mining == "random" ? random_triplets(labels, random) : mined(mining, embedded, labels, margin);
    const auto pick = [&](const Tensor& rows) { return index_select(embedded, 0, to(rows, embedded.device())); };
    return evaluate(entry,
                    {{{"anchor", pick(t.anchor)}, {"positive", pick(t.positive)}, {"negative", pick(t.negative)}}, {}});
  };
}

}  // namespace gradus
