// An embedding of handwritten digits by the triplet loss: samples of one class come to lie together, others apart.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;

// On the unit sphere, so that distances mean the same wherever they are.
Tensor embedded(Module& model, const Tensor& images) { return unit_length(model(images)); }

int main() {
  manual_seed(1);
  const Split halves = split(digits(), 0.2, 1, "labels");
  const Tensor& labels = halves.train["labels"];
  Sequential model = cnn(1, 8, 8, 16);
  Adam optimizer(model.named_parameters(), {.lr = 1e-3});
  // Ten classes with eight samples each in a batch: every anchor finds partners and opponents.
  const Loader loader(halves.train, [&](int64_t epoch) { return balanced_batches(labels, 10, 8, 1, epoch); });
  constexpr double margin = 0.2;

  for (int64_t epoch = 0; epoch < 10; ++epoch) {
    RunningMean loss;
    int64_t mined = 0;
    for (const Dataset& batch : loader.epoch(epoch)) {
      const Tensor e = embedded(model, batch["features"]);
      const Triplets t = mine_triplets(cdist(e.detach(), e.detach(), {}), batch["labels"], Hardness::semi_hard, margin);
      mined += t.anchor.numel();
      const Tensor value = triplet_margin_loss(index_select(e, 0, t.anchor), index_select(e, 0, t.positive),
                                               index_select(e, 0, t.negative), {.margin = margin});
      optimizer.zero_grad();
      backward(value);
      optimizer.step();
      loss.add(value.item(), double(t.anchor.numel()));
    }
    if (epoch % 3 == 0)
      std::printf("epoch %d: loss %.4f over %d semi-hard triplets\n", int(epoch + 1), loss.mean(), int(mined));
  }

  const NoGrad quiet;
  const Tensor test = embedded(model, halves.test["features"]);
  const double raw = knn_accuracy(flatten(halves.train["features"], 1), labels, flatten(halves.test["features"], 1),
                                  halves.test["labels"], 5),
               learnt = knn_accuracy(embedded(model, halves.train["features"]), labels, test, halves.test["labels"], 5);
  const RetrievalScores scores = retrieval_scores(test, halves.test["labels"]);
  const EmbeddingSpread spread = embedding_spread(test, halves.test["labels"], margin);
  std::printf("5 nearest neighbours: %.2f %% in 16 numbers, %.2f %% in 64 pixels; precision@1 %.2f %%, MAP@R %.2f %%\n",
              100 * learnt, 100 * raw, 100 * scores.precision_at_1, 100 * scores.map_at_r);
  return learnt >= 0.97 && scores.map_at_r > 0.9 && !spread.collapsed ? 0 : 1;
}
