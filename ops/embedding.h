// Looking up rows of a table by their numbers.
#pragma once
#include <cstdint>
#include <optional>

#include "gradus/core/tensor.h"

namespace gradus {

// weight (V,D), indices (…) int64 in [0, V) -> (…,D).  The row `padding`, if given, receives no gradient.  Gradients of
// a row that is looked up several times are added in the order of the indices, at any number of threads.
Tensor embedding(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding = {});

}  // namespace gradus
