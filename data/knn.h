// k nearest neighbours: the classifier that learns nothing, a yardstick for pixels and embeddings.
#pragma once
#include <cstdint>

#include "gradus/core/tensor.h"

namespace gradus {

/// The share of test samples whose label is the most frequent one among the k training samples at the smallest
/// Euclidean distance; among labels equally frequent the one of the nearer sample wins, among equal distances the first
/// sample. Features (N, ...) float32 or float64, labels int64 (N). Throws ShapeError when the features' widths differ,
/// ParamError unless 1 <= k <= the number of training samples.
double knn_accuracy(const Tensor& train_features, const Tensor& train_labels, const Tensor& test_features,
                    const Tensor& test_labels, int64_t k);

}  // namespace gradus
