#include "gradus/data/elements.h"

#include <fmt/core.h>

#include <bit>
#include <cstring>

#include "gradus/core/error.h"

namespace gradus {

static_assert(std::endian::native == std::endian::little, "files are read and written as they lie in memory");

int64_t byte_count(const std::string& what, const Shape& shape, Dtype dtype) {
  int64_t n = size_of(dtype);
  bool overflow = false;
  for (int64_t extent : shape) overflow = overflow || extent < 0 || __builtin_mul_overflow(n, extent, &n);
  if (overflow)
    throw FileError(
        fmt::format("{}: has shape {}, wanted one that memory can hold; the file is damaged", what, text(shape)));
  return n;
}

Tensor tensor_from_bytes(const std::string& what, const Shape& shape, Dtype dtype, const uint8_t* bytes) {
  const int64_t n = byte_count(what, shape, dtype);
  if (dtype == Dtype::boolean)
    for (int64_t i = 0; i < n; ++i)
      if (bytes[i] > 1)
        throw FileError(
            fmt::format("{}: has a bool of value {} at {}, wanted 0 or 1; the file is damaged", what, bytes[i], i));
  Tensor t(shape, dtype);
  if (n > 0) std::memcpy(t.mutable_bytes(), bytes, size_t(n));
  return t;
}

}  // namespace gradus
