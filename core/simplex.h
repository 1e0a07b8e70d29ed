// Projections of a row of scores onto the simplex, and the sorting they need.
#pragma once
#include <algorithm>

#include "gradus/core/block.h"
#include "gradus/core/functions.h"
#include "gradus/core/order.h"

namespace gradus {

template <class T> GRADUS_ANYWHERE T largest(const T* x, int64_t n) {
  T top = x[0];
  for (int64_t i = 1; i < n; ++i) top = select(x[i] > top, x[i], top);
  return top;
}

// What should be 0 up to the rounding of n additions is 0, its derivative kept: times a huge number it would be noise.
template <class T> GRADUS_ANYWHERE T without_rounding(T x, int64_t n) {
  const double noise = double(n) * (sizeof(typename T::Scalar) == 4 ? 0x1p-22 : 0x1p-51);
  return holds(abs(x) <= noise) ? x - T(plain(x)) : x;
}

// `order` becomes the places of x in descending order, NaN first; equal values keep their order.
template <class T> GRADUS_ANYWHERE void sort_descending(const Case<T>& c, const T* x, int64_t n, int64_t* order) {
  const auto number = [x](int64_t i) { return plain(x[i]).lane(0); };
  if constexpr (Team::alone) {
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    std::stable_sort(order, order + n, [&](int64_t i, int64_t j) { return less(number(j), number(i)); });
  } else {  // each finds its place by counting who comes before it
    c.each(n, [&](int64_t i) {
      int64_t place = 0;
      for (int64_t j = 0; j < n; ++j) place += precedes(number(j), j, number(i), i, true);
      order[place] = i;
    });
  }
}
template <class T> GRADUS_ANYWHERE int64_t* descending(Case<T>& c, const T* x, int64_t n) {
  int64_t* order = c.integers(n);
  sort_descending(c, x, n, order);
  return order;
}

// p = [z - tau]+ with Σ p = 1: the point of the simplex nearest to z.
template <class T> GRADUS_ANYWHERE void project_on_simplex(Case<T>& c, const T* z, int64_t n, T* p) {
  const int64_t* order = descending(c, z, n);
  const T top = z[order[0]];
  T sum = 0, tau = 0;
  for (int64_t j = 0; j < n; ++j) {  // the support is a prefix of the order
    const T x = z[order[j]] - top;
    if (!holds(1.0 + double(j + 1) * x > sum + x)) break;
    sum = sum + x;
    tau = (sum - 1.0) / double(j + 1);
  }
  c.each(n, [&](int64_t k) { p[k] = positive(z[k] - top - tau); });
}

// The part of x that moves, which is 0 by value: x of Newton's step at a root that is known.
template <class T> GRADUS_ANYWHERE T movement(T x) { return x - T(plain(x)); }

// How near neighbours of a descending order are to changing places, which a gradient check must know.
template <class T> GRADUS_ANYWHERE void tell_order(const T* x, const int64_t* order, int64_t n) {
  for (int64_t j = 1; j < n; ++j) (void)select(x[order[j - 1]] > x[order[j]], T(0.0), 0.0);
}

// p_i = [(alpha - 1) z_i - tau]+^(1 / (alpha - 1)) with Σ p = 1, alpha > 1.  All is relative to the largest, so that
// nothing cancels where alpha is near 1 or a class near certain, p = r / (1 + rest); and tau lies at the least class of
// the support, so that nothing cancels where alpha is large, when [...] may be tiny and p is not.
template <class T> struct EntmaxPoint {
  T *p, *slope, *below;  // slope: p^(2 - alpha), 0 outside of the support; below: z - max z
  T alpha, rest;         // rest: Σ r - 1
  int64_t size;
  const Case<T>& c;

  GRADUS_ANYWHERE EntmaxPoint(Case<T>& c, const T* z, int64_t n, T alpha)
      : p(c.scratch(n)), slope(c.scratch(n)), below(c.scratch(n)), alpha(alpha), rest(0.0), size(n), c(c) {
    const int64_t* order = descending(c, z, n);
    const double b = double(plain(alpha).lane(0)) - 1;
    const auto at = [&](int64_t j) { return double(plain(z[order[j]]).lane(0)); };
    c.each(n, [&](int64_t k) { below[k] = z[k] - z[order[0]]; });
    int64_t last = 0;  // of the support: those whose own [...] = 0 leaves less than 1 to the larger ones
    for (int64_t end = n; end - last > 1;) {
      const int64_t j = last + (end - last) / 2;
      (mass(at, j, b, 0.0).value < 1 ? last : end) = j;
    }
    T least = log_root(at, last, b);  // log of the [...] of the least class
    const T lowest = z[order[last]];
    fill(z, lowest, least, order[0]);
    if constexpr (!std::is_same_v<T, typename T::Plain>) {  // a step of Newton carries the derivatives to the root
      const T rise = c.total(n, [&](int64_t k) { return slope[k]; }) * held(exp(least));
      least = least - movement(log_total(z, lowest, least, order[0])) * (alpha - 1.0) / rise;
      fill(z, lowest, least, order[0]);
    }
  }

  // -Ω(p), Ω(p) = (Σ p^alpha - 1) / (alpha (alpha - 1)).
  GRADUS_ANYWHERE T entropy() const {
    const T b = alpha - 1.0;
    return (-expm1(-b * log1p(rest)) / b - mean_below()) / alpha;
  }
  // Σ p below; what is not in the support may be infinitely far below.
  GRADUS_ANYWHERE T mean_below() const {
    return c.total(size, [&](int64_t k) { return select(p[k] > 0.0, p[k] * below[k], 0.0); });
  }
  GRADUS_ANYWHERE T all_but(int64_t left_out) const {
    return c.total(size, [&](int64_t k) { return k == left_out ? T(0.0) : p[k]; });
  }
  // dΩ(p) / dalpha at this p.
  GRADUS_ANYWHERE T entropy_slope() const {
    const T scale = alpha * (alpha - 1.0);
    const T sum = c.total(size, [&](int64_t k) {
      const auto inside = p[k] > 0.0;
      return select(inside, p[k] * p[k] / select(inside, slope[k], 1.0) * log(select(inside, p[k], 1.0)), 0.0);
    });
    return (sum + entropy() * (2.0 * alpha - 1.0)) / scale;
  }

 private:
  // Σ of p up to place j of the order, where the [...] of that place is y; and its slope in y.
  template <class Fn> GRADUS_ANYWHERE static WithSlope<double> mass(Fn at, int64_t j, double b, double y) {
    using D = Num<double>;
    WithSlope<double> sum{0, 0};
    for (int64_t i = 0; i <= j; ++i) {
      const double x = y + b * (at(i) - at(j));
      if (x == 0) continue;
      const double p = b == 0.5 ? x * x : b == 1 ? x : pow(D(x), D(1 / b)).v;
      sum.value += p, sum.slope += p / (b * x);
    }
    return sum;
  }
  // log y for which that is 1.  Where b > 1 the unknown is y^(1 / b), in which the sum is smooth.
  template <class Fn> GRADUS_ANYWHERE static double log_root(Fn at, int64_t j, double b) {
    using D = Num<double>;
    constexpr int most = 300;
    double low = 0, high = 1, v = 1;
    for (int i = 0; i < most; ++i) {
      const double y = b > 1 ? pow(D(v), D(b)).v : v;
      const WithSlope<double> sum = mass(at, j, b, y);
      const double excess = sum.value - 1;
      (excess > 0 ? high : low) = v;
      if (excess == 0 || high - low <= 0x1p-53 * high) break;
      const double newton = v - excess / (sum.slope * (b > 1 ? b * y / v : 1));
      const bool halve = i % 4 == 3 || !(newton >= low && newton <= high);
      const double next = halve ? low + (high - low) / 2 : newton;
      if (next == v) break;
      v = next;
    }
    return (b > 1 ? b : 1) * log(D(v)).v;
  }
  // A [...] of the support that is 0 only because no number is that small.
  GRADUS_ANYWHERE static T held(T y) {
    const double floor = sizeof(typename T::Scalar) == 4 ? 1e-36 : 1e-300;
    return holds(y > floor) ? y : floor + movement(y);
  }
  GRADUS_ANYWHERE static T log_of(const T* z, T lowest, T least, T b, int64_t k) {
    return holds(z[k] == lowest) ? least + b * movement(z[k] - lowest) / held(exp(least))
                                 : log(exp(least) + b * (z[k] - lowest));
  }
  GRADUS_ANYWHERE T log_total(const T* z, T lowest, T least, int64_t first) const {
    const T b = alpha - 1.0;
    return log_of(z, lowest, least, b, first) / b + log1p(rest);
  }
  GRADUS_ANYWHERE void fill(const T* z, T lowest, T least, int64_t first) {
    const T b = alpha - 1.0, log_u = log_of(z, lowest, least, b, first), u = held(exp(log_u));
    const bool squares = plain(alpha).lane(0) == 1.5 && std::is_same_v<T, typename T::Plain>;
    c.each(size, [&](int64_t k) {
      T y = exp(least) + b * (z[k] - lowest);
      if (holds(z[k] >= lowest)) y = held(y);
      const auto inside = y > 0.0;
      const T w = select(inside, b * below[k] / u, 0.0), some = select(inside, y, 1.0);
      const auto near = w > -0.5;
      const T close = select(near, w, 0.0);
      const T away = holds(near) ? T(0.0) : log_of(z, lowest, least, b, k) - log_u;
      const T r = squares ? square(holds(near) ? 1.0 + close : some / u) : exp((log1p(close) + away) / b);
      p[k] = select(inside, r, 0.0);
      slope[k] = p[k] / some;
    });
    rest = c.total(size, [&](int64_t k) { return k == first ? T(0.0) : p[k]; });
    if (holds(is_nan(z[first]))) rest = z[first];
    const T all = 1.0 + rest;
    c.each(size, [&](int64_t k) { p[k] = p[k] / all, slope[k] = slope[k] / all; });
  }
};

// Entmax of input 0 as the value, and its gradient; that of alpha is added to `alpha_grad` unless it is null.
template <class T> GRADUS_ANYWHERE void entmax_of_row(Case<T>& c, T alpha, T* alpha_grad) {
  const int64_t classes = c.in[0].size();
  if (classes == 0) return;
  const EntmaxPoint<T> e(c, c.in[0].data, classes, alpha);
  c.each(classes, [&](int64_t k) { c.value(k) = e.p[k]; });
  if (!c.wants_grad) return;
  int64_t steepest = 0;  // whose gradient is that of all others, negated: its own difference would cancel
  for (int64_t k = 1; k < classes; ++k)
    if (holds(e.slope[k] > e.slope[steepest])) steepest = k;
  const auto g = [&](int64_t k) { return c.up(k) - c.up(steepest); };
  const T slopes = c.total(classes, [&](int64_t k) { return e.slope[k]; });
  const T mean = c.total(classes, [&](int64_t k) { return e.slope[k] * g(k); }) / slopes;
  const auto of = [&](int64_t k) { return k == steepest ? T(0.0) : e.slope[k] * (g(k) - mean); };
  if (c.grad[0]) {
    const T others = c.total(classes, of);
    c.each(classes, [&](int64_t k) { c.grad[0](k) = k == steepest ? -others : of(k); });
  }
  if (!alpha_grad) return;
  // Where alpha rises, log p moves by (below + shift) p^(1-alpha) - log p, and the shift keeps Σ p.
  const T of_alpha = c.total(classes, [&](int64_t k) {
    const auto inside = e.p[k] > 0.0;
    const T p = select(inside, e.p[k], 1.0),
            pull = (e.slope[k] * select(inside, e.below[k], 0.0) - p * log(p)) / (alpha - 1.0);
    return select(inside, pull * (g(k) - mean), 0.0);
  });
  c.once([&] { *alpha_grad += of_alpha; });
}

// The loss of entmax, (p - q)·z - Ω(p) + Ω(q), of input 0: its value and its gradients.  That of alpha is added to
// `alpha_grad` unless it is null.
template <class T> GRADUS_ANYWHERE void entmax_against_label(Case<T>& c, int64_t y, T alpha, T* alpha_grad) {
  const int64_t classes = c.in[0].size();
  const EntmaxPoint<T> e(c, c.in[0].data, classes, alpha);
  c.value() = e.mean_below() - e.below[y] + e.entropy();
  if (c.grad[0]) {
    const T others = e.all_but(y);
    c.each(classes, [&](int64_t k) { c.grad[0](k) = c.up() * (k == y ? -others : e.p[k]); });
  }
  if (!alpha_grad) return;
  const T slope = e.entropy_slope();
  c.once([&] { *alpha_grad -= c.up() * slope; });
}

// The same against the distribution of input 1.
template <class T> GRADUS_ANYWHERE void entmax_against_distribution(Case<T>& c, T alpha, T* alpha_grad) {
  const auto &z = c.in[0], &q = c.in[1];
  const int64_t classes = z.size();
  if (classes == 0) return;
  const EntmaxPoint<T> e(c, z.data, classes, alpha);
  const T b = alpha - 1.0, scale = alpha * b;
  const auto bent = [&](int64_t k) {  // q^alpha - q, where q may be 0
    const auto none = q(k) == 0.0;
    declare_convention(none, q(k));  // the slope is that within the simplex; differences of q^alpha hardly get there
    return select(none, -q(k), q(k) * expm1(b * log(select(none, 1.0, q(k)))));
  };
  const T excess = without_rounding(1.0 - c.total(classes, [&](int64_t k) { return q(k); }), classes);
  const T bends = c.total(classes, bent);
  const T pull = c.total(
      classes, [&](int64_t k) { return select((q(k) == 0.0) & (e.below[k] < T::lowest()), 0.0, -q(k) * e.below[k]); });
  c.value() = e.mean_below() + pull + e.entropy() + (bends - excess) / scale + largest(z.data, classes) * excess;
  c.each(classes, [&](int64_t k) {
    if (c.grad[0]) c.grad[0](k) = c.up() * (e.p[k] - q(k));
    if (c.grad[1]) c.grad[1](k) = c.up() * (pow(q(k), b) / b - z(k));
  });
  if (!alpha_grad) return;
  const T logs = c.total(classes, [&](int64_t k) { return (bent(k) + q(k)) * log(select(q(k) == 0.0, 1.0, q(k))); });
  const T of_alpha = (logs - (bends - excess) * (2.0 * alpha - 1.0) / scale) / scale - e.entropy_slope();
  c.once([&] { *alpha_grad += c.up() * of_alpha; });
}

}  // namespace gradus
