// Views: the same elements under another shape.  What can share its elements with the input does.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// Dimensions may always be counted from the end; IndexError when one does not exist.

// The same elements in row-major order under another shape; one extent may be -1 and is inferred.  A view where the
// strides allow it, else a copy.  ShapeError when the numbers of elements differ.
Tensor reshape(const Tensor& x, const Shape& shape);
// The same, but never a copy: ShapeError where x's strides do not allow the view.
Tensor view(const Tensor& x, const Shape& shape);
// Joins the dimensions start to end, both included, into one.
Tensor flatten(const Tensor& x, int64_t start = 0, int64_t end = -1);
// Repeats dimensions of extent 1 without copying; new dimensions come in front, -1 keeps an extent.
Tensor expand(const Tensor& x, const Shape& shape);
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1);
// Dimension d of the result is dimension dims[d] of x.  ShapeError unless dims names each dimension once.
Tensor permute(const Tensor& x, const std::vector<int64_t>& dims);
// Drops all dimensions of extent 1, or `dim` if its extent is 1.
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, int64_t dim);
// A new dimension of extent 1 that becomes dimension `dim`.
Tensor unsqueeze(const Tensor& x, int64_t dim);

constexpr int64_t to_the_end = std::numeric_limits<int64_t>::max();
// Every step-th element of `dim` from start up to but without stop.  As in Python, start and stop may count from the
// end and are clamped to the extent.  ParamError unless step > 0.
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t stop = to_the_end, int64_t step = 1);
// The elements at one index of `dim`, which disappears; IndexError outside.
Tensor select(const Tensor& x, int64_t dim, int64_t index);
// Consecutive slices of `size` along `dim`; the last may be shorter.
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t dim = 0);
// Consecutive slices of these sizes, whose sum is dim's extent.
std::vector<Tensor> split(const Tensor& x, const std::vector<int64_t>& sizes, int64_t dim = 0);
// The elements whose indices in dim0 and dim1 agree; the diagonal becomes the last dimension.
Tensor diagonal(const Tensor& x, int64_t dim0 = 0, int64_t dim1 = 1);

}  // namespace gradus
