// Projections of a row of scores onto the simplex, and the sorting they need.
#pragma once
#include <algorithm>

#include "gradus/core/block.h"

namespace gradus {

template <class T> T largest(const T* x, int64_t n) {
  T top = x[0];
  for (int64_t i = 1; i < n; ++i) top = select(x[i] > top, x[i], top);
  return top;
}

// What should be 0 up to the rounding of n additions is 0, its derivative kept: times a huge number it would be noise.
template <class T> T without_rounding(T x, int64_t n) {
  const double noise = double(n) * (sizeof(typename T::Scalar) == 4 ? 0x1p-22 : 0x1p-51);
  return holds(abs(x) <= noise) ? x - T(plain(x)) : x;
}

// The places of x in descending order; equal values keep their order.
template <class T> int64_t* descending(Case<T>& c, const T* x, int64_t n) {
  int64_t* order = c.integers(n);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  std::stable_sort(order, order + n, [x](int64_t i, int64_t j) { return plain(x[i]).lane(0) > plain(x[j]).lane(0); });
  return order;
}

// p = [z - tau]+ with Σ p = 1: the point of the simplex nearest to z.
template <class T> void sparsemax(Case<T>& c, const T* z, int64_t n, T* p) {
  const int64_t* order = descending(c, z, n);
  const T top = z[order[0]];
  T sum = 0, tau = 0;
  for (int64_t j = 0; j < n; ++j) {  // the support is a prefix of the order
    const T x = z[order[j]] - top;
    if (!holds(1.0 + double(j + 1) * x > sum + x)) break;
    sum = sum + x;
    tau = (sum - 1.0) / double(j + 1);
  }
  for (int64_t k = 0; k < n; ++k) {
    const T x = z[k] - top - tau;
    p[k] = select(x > 0.0, x, 0.0);
  }
}

}  // namespace gradus
