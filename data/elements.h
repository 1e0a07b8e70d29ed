// Tensors from the raw elements that files hold: sizes that do not overflow, and truths that are 0 or 1.
#pragma once
#include <cstdint>
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

// How many bytes the elements take. Throws FileError where that overflows; `what` names the array in its file.
int64_t byte_count(const std::string& what, const Shape& shape, Dtype dtype);
// The tensor with these elements, row-major and little-endian. Throws FileError for a bool that is neither 0 nor 1.
Tensor tensor_from_bytes(const std::string& what, const Shape& shape, Dtype dtype, const uint8_t* bytes);

}  // namespace gradus
