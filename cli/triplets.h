// The loss of an embedding: which triplets of a batch, and what is computed on them.
#pragma once
#include <functional>

#include "gradus/cli/train_options.h"
#include "gradus/core/random.h"
#include "gradus/core/tensor.h"
#include "gradus/nn/module.h"

namespace gradus {

/// Of an embedding (N, width) and labels (N): options.loss (default triplet_margin_loss) of the triplets that
/// options.mining picks, by Euclidean distance; random ones are drawn with `random`. A loss of embedding and labels,
/// such as multi_similarity_loss, takes the batch as it is; one that also takes a vector of each class, such as
/// proxy_anchor_loss, the proxies of `model`. Both must outlive it. Throws ParamError where the loss is of no such
/// kind.
std::function<Tensor(const Tensor& embedded, const Tensor& labels)> triplet_loss(const TrainOptions& options,
                                                                                 Generator& random, Module& model);
/// Does the loss compare with proxies?
bool takes_proxies(const TrainOptions& options);

/// The margin that the loss asks for; 1 where it has none.
double margin_of(const TrainOptions& options);

}  // namespace gradus
