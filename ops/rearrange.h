// Copies of tensors in another arrangement: joined, padded, mirrored, repeated, cut to a triangle.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// Tensors one behind the other along `dim`; all other extents and the dtypes agree, else ShapeError or DtypeError.
Tensor concat(const std::vector<Tensor>& tensors, int64_t dim = 0);
// Tensors of one shape, side by side along a new dimension `dim`.
Tensor stack(const std::vector<Tensor>& tensors, int64_t dim = 0);

// `value` around x: amounts are pairs (before, after), the last dimension's first, as PyTorch has them; a negative
// amount crops.
Tensor pad(const Tensor& x, const std::vector<int64_t>& amounts, double value = 0);
// The elements in reverse order along each of `dims`.
Tensor flip(const Tensor& x, const std::vector<int64_t>& dims);
// x tiled times[d] times along dimension d; more numbers than dimensions add new ones in front.
Tensor repeat(const Tensor& x, const std::vector<int64_t>& times);

// The last two dimensions' elements on and below (tril) or above (triu) a diagonal, zero elsewhere; `diagonal` 0 is the
// main one, 1 the next above.
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);

}  // namespace gradus
