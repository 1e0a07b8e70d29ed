// The largest and smallest elements, where they stand, and whether any or all elements are true.
#pragma once
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

// For float32, float64, integers and bool; the last two give int64.  NaN wins.  ShapeError where there is nothing to
// choose from, IndexError for a dimension that does not exist or is named twice.

// Of all elements (shape ()), or over `dims`; elements that share the extreme value share the gradient evenly.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor amax(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);
Tensor amin(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);

// Along one dimension, with the int64 index of the first element that has the value: it alone gets the gradient.
struct Extreme {
  Tensor values, indices;
};
Extreme max(const Tensor& x, int64_t dim, bool keepdim = false);
Extreme min(const Tensor& x, int64_t dim, bool keepdim = false);

// The index of the first largest or smallest element: in row-major order, or along one dimension.
Tensor argmax(const Tensor& x);
Tensor argmin(const Tensor& x);
Tensor argmax(const Tensor& x, int64_t dim, bool keepdim = false);
Tensor argmin(const Tensor& x, int64_t dim, bool keepdim = false);

// Is any element, or are all, not 0?  For any dtype; the result is bool.  Of nothing: any is false, all is true.
Tensor any(const Tensor& x);
Tensor any(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);
Tensor all(const Tensor& x);
Tensor all(const Tensor& x, const std::vector<int64_t>& dims, bool keepdim = false);

}  // namespace gradus
