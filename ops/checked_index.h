// Indices that are known to lie inside, and what ops do with them.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// A dense copy of `index`, which must be int64, that lies in [0, extent); IndexError names the first that does not. On
// a device nobody waits for that: what is outside is brought inside, and told when the next number is read.
Tensor checked_index(const char* op, const char* name, const Tensor& index, int64_t extent);

// index_select and index_add of such indices.
Tensor selected_at(const Tensor& x, int dim, const Tensor& index);
Tensor added_at(const Tensor& x, int dim, const Tensor& index, const Tensor& source);

}  // namespace gradus
