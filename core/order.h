// The order that sorting puts elements in, on every device.
#pragma once
#include <cstdint>
#include <type_traits>

#include "gradus/core/function.h"

namespace gradus {

// Is a less than b?  NaN is more than all others.
template <class T> GRADUS_FN bool less(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a) return false;
    if (b != b) return true;
  }
  return a < b;
}

// Does a, at place i, come before b, at place j?  Equal elements keep their order.
template <class T> GRADUS_FN bool precedes(T a, int64_t i, T b, int64_t j, bool descending) {
  if (descending ? less(b, a) : less(a, b)) return true;
  if (descending ? less(a, b) : less(b, a)) return false;
  return i < j;
}

}  // namespace gradus
