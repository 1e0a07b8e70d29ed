// Projections of a row of scores onto the simplex, and the sorting they need.
#pragma once
#include <algorithm>

#include "gradus/core/block.h"
#include "gradus/core/functions.h"

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
template <class T> void project_on_simplex(Case<T>& c, const T* z, int64_t n, T* p) {
  const int64_t* order = descending(c, z, n);
  const T top = z[order[0]];
  T sum = 0, tau = 0;
  for (int64_t j = 0; j < n; ++j) {  // the support is a prefix of the order
    const T x = z[order[j]] - top;
    if (!holds(1.0 + double(j + 1) * x > sum + x)) break;
    sum = sum + x;
    tau = (sum - 1.0) / double(j + 1);
  }
  for (int64_t k = 0; k < n; ++k) { p[k] = positive(z[k] - top - tau); }
}

// The part of x that moves, which is 0 by value: x of Newton's step at a root that is known.
template <class T> T movement(T x) { return x - T(plain(x)); }

// How near neighbours of a descending order are to changing places, which a gradient check must know.
template <class T> void tell_order(const T* x, const int64_t* order, int64_t n) {
  for (int64_t j = 1; j < n; ++j) (void)select(x[order[j - 1]] > x[order[j]], T(0.0), 0.0);
}

// (max p)^(alpha - 1) of entmax, from x = (alpha - 1) (z - max z): the root u of Σ [u + x]+^(1 / (alpha - 1)) = 1.
template <class Fn> double entmax_root(Fn x, int64_t n, double alpha) {
  using D = Num<double>;
  const double power = 1 / (alpha - 1);
  // Smaller roots are of huge alpha and two equal maxima, whose slopes no number holds.
  double low = max(pow(D(double(n)), D(1 - alpha)), D(1e-30)).v, high = 1, u = high;
  constexpr int most = 300;
  for (int i = 0; i < most; ++i) {
    double excess = -1, rise = 0;
    for (int64_t k = 0; k < n; ++k) {
      const double y = u + x(k);
      if (!(y > 0)) continue;
      const double p = power == 1 ? y : power == 2 ? y * y : pow(D(y), D(power)).v;
      excess += p, rise += power * p / y;
    }
    (excess > 0 ? high : low) = u;
    if (excess == 0 || high - low <= 0x1p-52 * high) break;
    const double newton = u - excess / rise;
    const bool halve = i % 4 == 3 || !(newton >= low && newton <= high);  // where alpha > 2, Newton's steps may stall
    const double next = halve ? low + (high - low) / 2 : newton;
    if (next == u) break;
    u = next;
  }
  return u;
}

// p_i = [(alpha - 1) z_i - tau]+^(1 / (alpha - 1)) with Σ p = 1, alpha > 1.  All is relative to the largest, so that
// nothing cancels where alpha is near 1 or a class near certain: p = r / (1 + rest).
template <class T> struct EntmaxPoint {
  T *p, *slope, *below;  // slope: p^(2 - alpha), 0 outside of the support; below: z - max z
  T alpha, rest;         // rest: Σ r - 1
  int64_t size;

  EntmaxPoint(Case<T>& c, const T* z, int64_t n, T alpha)
      : p(c.scratch(n)), slope(c.scratch(n)), below(c.scratch(n)), alpha(alpha), rest(0.0), size(n) {
    const T top = largest(z, n), b = alpha - 1.0;
    int64_t first = 0;
    for (int64_t k = 0; k < n; ++k) {
      below[k] = z[k] - top;
      if (holds(z[k] > z[first])) first = k;
    }
    const double step = double(plain(b).lane(0));
    T u = entmax_root([&](int64_t k) { return step * double(plain(below[k]).lane(0)); }, n, 1 + step);
    fill(u, first);
    if constexpr (!std::is_same_v<T, typename T::Plain>) {  // a step of Newton carries the derivatives to the root
      const T rise = total<T>(n, [&](int64_t k) { return slope[k]; }) / b;
      u = u - movement((log(u) / b + log1p(rest)) / rise);
      fill(u, first);
    }
  }

  // -Ω(p), Ω(p) = (Σ p^alpha - 1) / (alpha (alpha - 1)).
  T entropy() const {
    const T b = alpha - 1.0;
    return (-expm1(-b * log1p(rest)) / b - mean_below()) / alpha;
  }
  // Σ p below; what is not in the support may be infinitely far below.
  T mean_below() const {
    return total<T>(size, [&](int64_t k) { return select(p[k] > 0.0, p[k] * below[k], 0.0); });
  }
  T all_but(int64_t left_out) const {
    return total<T>(size, [&](int64_t k) { return k == left_out ? T(0.0) : p[k]; });
  }
  // dΩ(p) / dalpha at this p.
  T entropy_slope() const {
    const T scale = alpha * (alpha - 1.0);
    const T sum = total<T>(size, [&](int64_t k) {
      const auto inside = p[k] > 0.0;
      return select(inside, p[k] * p[k] / select(inside, slope[k], 1.0) * log(select(inside, p[k], 1.0)), 0.0);
    });
    return (sum + entropy() * (2.0 * alpha - 1.0)) / scale;
  }

 private:
  void fill(T u, int64_t first) {
    const T b = alpha - 1.0;
    const bool squares = plain(alpha).lane(0) == 1.5 && std::is_same_v<T, typename T::Plain>;
    for (int64_t k = 0; k < size; ++k) {
      const T w = b * below[k] / u;
      const auto inside = w > -1.0;
      const T v = select(inside, w, 0.0);
      p[k] = select(inside, squares ? (1.0 + v) * (1.0 + v) : exp(log1p(v) / b), 0.0);
      slope[k] = select(inside, p[k] / (u * (1.0 + v)), 0.0);
    }
    rest = total<T>(size, [&](int64_t k) { return k == first ? T(0.0) : p[k]; });
    const T all = 1.0 + rest;
    for (int64_t k = 0; k < size; ++k) p[k] = p[k] / all, slope[k] = slope[k] / all;
  }
};

}  // namespace gradus
