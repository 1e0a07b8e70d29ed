// A watch on embeddings: a triplet loss has a false minimum where all samples lie at one point.
#pragma once
#include <cstdint>
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

struct EmbeddingSpread {
  double mean_distance = 0;    // between two samples
  double active_fraction = 0;  // of the triplets: those that still pull, d(a,p) + margin > d(a,n)
  double mean_loss = 0;        // of all triplets: max(d(a,p) - d(a,n) + margin, 0)
  bool collapsed = false;      // the mean loss is the margin, as it is where no distance differs
  std::string advice;          // one line; "" where all is well
};

/// Looks at the first 256 samples, and of those at every triplet. Embeddings (N, D) float32 or float64, labels int64
/// (N). Throws ShapeError where they are not, ParamError unless margin > 0.
EmbeddingSpread embedding_spread(const Tensor& embeddings, const Tensor& labels, double margin = 1);

}  // namespace gradus
