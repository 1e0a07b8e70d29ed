// Tensors as text, laid out as NumPy prints arrays.
#pragma once
#include <iosfwd>
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

/// The elements in NumPy's layout: at most 8 digits after the point and no more than tell an element from its
/// neighbours in its dtype, columns aligned, scientific where the elements span more than a factor of 1000, lines of at
/// most 75 characters, and beyond 1000 elements only three at each end of a dimension.
///
///   tensor([[1. , 2.5],
///           [3. , 4. ]], dtype=float64)
///
/// What the elements do not show follows: `shape=(2,0)` where elements are missing, `dtype=` unless it is float32,
/// int64 or bool (what the factories, labels and comparisons give) or nothing is shown, `requires_grad=True` where a
/// gradient is asked for.
std::string to_string(const Tensor& t);
std::ostream& operator<<(std::ostream& stream, const Tensor& t);
std::ostream& operator<<(std::ostream& stream, const Shape& shape);  // (2,3)

}  // namespace gradus
