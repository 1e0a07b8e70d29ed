// Reading and writing elements by index.
#pragma once
#include <cstdint>

#include "gradus/core/tensor.h"

namespace gradus {

// Indices are int64, from 0; IndexError names the one that is outside.

// The slices x[…, index[i], …] along `dim`, for a vector `index`.
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
// x plus source[…, i, …] at x[…, index[i], …]: the adjoint of index_select.  Sums in the order of the index.
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);

// out[i][j][k] = x[i][index[i][j][k]][k] for dim 1, and likewise; index has x's rank and, but in `dim`, no extent
// larger than x's.
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
// x plus source[i][j][k] at x[i][index[i][j][k]][k] for dim 1, and likewise: the adjoint of gather.
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);

// x with `value` where mask (bool, broadcast to x's shape) is true.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
// The elements of x where mask is true, as a vector in row-major order; x and mask broadcast together.
Tensor masked_select(const Tensor& x, const Tensor& mask);

// (…) of labels in [0, classes) -> (…, classes), one at the label and zero elsewhere.
Tensor one_hot(const Tensor& labels, int64_t classes, Dtype dtype = Dtype::int64);

}  // namespace gradus
