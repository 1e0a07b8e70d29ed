// Views and rearrangements.  What can share its elements with the input does.
#pragma once
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// The same elements in row-major order under another shape; one extent may be -1 and is inferred.  A view where the
// strides allow it, else a copy.  ShapeError when the numbers of elements differ.
Tensor reshape(const Tensor& x, const Shape& shape);
// Repeats dimensions of extent 1 without copying; new dimensions come in front, -1 keeps an extent.
Tensor expand(const Tensor& x, const Shape& shape);
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1);

}  // namespace gradus
