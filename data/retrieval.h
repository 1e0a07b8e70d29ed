// How well an embedding retrieves: K. Musgrave, S. Belongie, S.-N. Lim, A metric learning reality check, 2020.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

/// Means over the queries. R is the number of other samples of a query's class.
struct RetrievalScores {
  int64_t queries = 0;
  double precision_at_1 = 0;  // the nearest sample has the query's label
  double r_precision = 0;     // the share of its label among the R nearest
  double map_at_r = 0;        // (Σ precision at i, over the i <= R whose sample has the label) / R: order counts too
  std::vector<std::pair<int64_t, double>> recall_at;  // k, and: one of the k nearest has the label
};

/// Every sample is a query on all the others, by Euclidean distance; of equal distances the first sample is nearer. A
/// sample alone in its class is no query, and without a query all is 0. Embeddings (N, ...) float32 or float64, labels
/// int64 (N). Throws ShapeError or DtypeError where they are not, ParamError unless every k is positive.
RetrievalScores retrieval_scores(const Tensor& embeddings, const Tensor& labels,
                                 const std::vector<int64_t>& recall_at = {1, 2, 4, 8});

}  // namespace gradus
