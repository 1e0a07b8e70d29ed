// The monoids that dimensions of a tensor are folded with: what the CPU and the kernels of devices both join by.
#pragma once
#include <cstdint>
#include <limits>

#include "gradus/core/functions.h"
#include "gradus/core/number.h"

namespace gradus {

// The monoids that a device's module knows, in the order of its table.
enum class Monoid : int { sum, prod, max, min };

namespace folds {

template <int N> GRADUS_FN Num<double, N> wide(Num<double, N> x) { return x; }
template <int N> GRADUS_FN Num<double, N> wide(Num<float, N> x) { return widen(x); }
template <class T, int N> GRADUS_FN T as(Num<double, N> x) {
  if constexpr (sizeof(typename T::Scalar) == 8) return x;
  else return narrow(x);
}

struct Sum {
  static constexpr Monoid id = Monoid::sum;
  static constexpr double start = 0;
  template <class T> GRADUS_FN static T join(T a, T b) { return a + b; }
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(x); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
  static constexpr int64_t integer_start = 0;
};
struct Prod {
  static constexpr Monoid id = Monoid::prod;
  static constexpr double start = 1;
  template <class T> GRADUS_FN static T join(T a, T b) { return a * b; }
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(x); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }
  static constexpr int64_t integer_start = 1;
};
struct Max {  // NaN wins
  static constexpr Monoid id = Monoid::max;
  static constexpr double start = -__builtin_huge_val();
  template <class T> GRADUS_FN static T join(T a, T b) { return select(is_nan(b), b, max(a, b)); }
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(x); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return a < b ? b : a; }
  static constexpr int64_t integer_start = std::numeric_limits<int64_t>::min();
};
struct Min {
  static constexpr Monoid id = Monoid::min;
  static constexpr double start = __builtin_huge_val();
  template <class T> GRADUS_FN static T join(T a, T b) { return select(is_nan(b), b, min(a, b)); }
  template <class T, class W> GRADUS_FN W lift(T x, W) const { return wide(x); }
  GRADUS_FN static int64_t integer(int64_t a, int64_t b) { return b < a ? b : a; }
  static constexpr int64_t integer_start = std::numeric_limits<int64_t>::max();
};

}  // namespace folds
}  // namespace gradus
