// Which samples lie nearest: what k-nearest-neighbour accuracy and the scores of retrieval are made of.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

/// Positions of references, nearest first; of equal distances the lowest first.
using Neighbours = std::vector<int64_t>;

/// May a sample be its own neighbour? Where queries and references are the same, it is always the nearest.
enum class Self { counts, left_out };

/// Calls visit(query, its wanted(query) nearest references by Euclidean distance), once for each query, from several
/// threads. Queries (N, ...) and references (M, ...), both float32 or both float64 and of one width; ShapeError
/// otherwise.
void for_each_neighbours(const Tensor& queries, const Tensor& references, Self self,
                         const std::function<int64_t(int64_t query)>& wanted,
                         const std::function<void(int64_t query, const Neighbours& nearest)>& visit);

}  // namespace gradus
