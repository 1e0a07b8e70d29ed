// What Blocks over a row of scores share: its softmax, and its clipped shares of the sum.
#pragma once
#include "gradus/core/along_row.h"
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

// The first place of the largest of n numbers.
template <class T> GRADUS_ANYWHERE int64_t place_of_largest(const T* x, int64_t n) {
  int64_t top = 0;
  for (int64_t k = 1; k < n; ++k)
    if (holds(x[k] > x[top])) top = k;
  return top;
}

// f(0) + … + f(n - 1) without f(left_out).
template <class T, class Fn> GRADUS_ANYWHERE T total_without(int64_t left_out, int64_t n, Fn f) {
  return total<T>(left_out, f) + total<T>(n - left_out - 1, f, left_out + 1);
}

// The same by all of a team together.
template <class T, class Fn> GRADUS_ANYWHERE T total_without(const Case<T>& c, int64_t left_out, int64_t n, Fn f) {
  if constexpr (Team::alone) return total_without<T>(left_out, n, f);
  else return c.total(n, [&](int64_t k) { return k == left_out ? T(0.0) : f(k); });
}

// The softmax of a row with all it takes to avoid cancellation: p, 1 - p and log p of each class.
template <class T> struct SoftmaxOf {
  T *p, *missing, *log_p;

  GRADUS_ANYWHERE SoftmaxOf(Case<T>& c, const T* z, int64_t n, double temperature = 1)
      : p(c.scratch(n)), missing(c.scratch(n)), log_p(c.scratch(n)) {
    if (n == 0) return;
    const int64_t top = place_of_largest(z, n);
    c.each(n, [&](int64_t k) { log_p[k] = k == top ? T(0.0) : (z[k] - z[top]) / temperature; });
    const T rest = total_without(c, top, n, [&](int64_t k) { return exp_negative(log_p[k]); });
    const T log_total = log1p(rest), all = 1.0 + rest;
    c.each(n, [&](int64_t k) {
      const T below = log_p[k];
      p[k] = exp_negative(below) / all;
      missing[k] = (rest - expm1(below)) / all;
      log_p[k] = below - log_total;
    });
  }
};

// What the rivals of class y cost that come nearer to it than a margin: Σ_{j≠y} [margin + x_j - x_y]+^p, and its
// slopes.
template <class T> struct Rivals { T loss = 0, margin_slope = 0; };
template <class T>
GRADUS_ANYWHERE Rivals<T> rivals_of(const Case<T>& c, const Array<T>& x, int64_t y, T margin, int p,
                                    const Array<T>& grad, T up) {
  const T own = x(y);
  const auto room = [&](auto at) { return positive(at.all(margin) + (at(x.data) - at.all(own))); };
  const auto slope = [&](auto at) {
    const auto h = room(at);
    return p == 2 ? 2.0 * h : select(h > 0.0, at.all(T(1.0)), at.all(T(0.0)));
  };
  const int64_t after = x.size() - y - 1;
  const auto others = [&](auto fn) {
    if constexpr (Team::alone) return row_total<T>(y, fn) + row_total<T>(after, fn, y + 1);
    else return c.total(x.size(), [&](int64_t k) { return k == y ? T(0.0) : fn(Along<T>{k}); });
  };
  Rivals<T> r;
  r.loss = others([&](auto at) { return p == 2 ? square(room(at)) : room(at); });
  r.margin_slope = others(slope);
  if (grad) {
    const auto put = [&](auto at) { at.put(grad.data, at.all(up) * slope(at)); };
    if constexpr (Team::alone) along_row<T>(y, put), along_row<T>(after, put, y + 1);
    else along_row(c, x.size(), put);
    c.once([&] { grad(y) = -up * r.margin_slope; });
  }
  return r;
}

// u_k = x_k / Σ x (or x_k), clipped to [eps, 1 - eps].
template <class T> struct Clipped {
  bool valid = false;  // is there a sum to divide by?
  bool normalized;
  int64_t top;
  T sum, rest;  // of all; of all but the largest
  const T* x;
  T *nll, *inside;  // -log of the clipped u; 1 where nothing was clipped, else 0

  // d / dx_k of Σ t nll, where `all` is the sum of t over what was not clipped.
  GRADUS_ANYWHERE T slope(int64_t k, T t, T all) const {
    const T own = inside[k] * t;
    if (!normalized) return select(own == 0.0, 0.0, -own / x[k]);
    if (k == top) return ((all - own) - own * (rest / x[k])) / sum;  // t - t / u, without cancellation
    return (all - select(own == 0.0, 0.0, own / x[k] * sum)) / sum;
  }
};

template <class T>
GRADUS_ANYWHERE Clipped<T> clipped_share(Case<T>& c, int input, bool normalize, double eps) {
  const Array<T>& x = c.in[input];
  const int64_t n = x.size();
  Clipped<T> u;
  u.normalized = normalize;
  u.x = x.data;
  if (n == 0) return u;
  u.nll = c.scratch(n), u.inside = c.scratch(n);
  u.top = place_of_largest(x.data, n);
  u.rest = total_without(c, u.top, n, [&](int64_t k) { return x(k); });
  u.sum = x(u.top) + u.rest;
  if (normalize && holds(u.sum == 0.0)) {
    c.reject(input, 0, 0, "a row whose sum is not 0");
    return u;
  }
  u.valid = true;
  c.each(n, [&](int64_t k) {
    // Only the largest share can be too near to 1, and how near the others tell better than 1 - u would.
    const bool first = k == u.top;
    const T share = normalize ? x(k) / u.sum : x(k), missing = normalize ? u.rest / u.sum : 1.0 - x(k);
    const auto low = share <= eps, high = (missing <= eps) & (first || !normalize ? share > eps : low & !low);
    const T safe = select(low | high, T(0.5), share);
    const T nll = normalize && first ? log1p(select(low | high, T(1.0), u.rest / x(k))) : -log(safe);
    u.nll[k] = select(low, -log(T(eps)), select(high, -log1p(T(-eps)), nll));
    u.inside[k] = select(low | high, T(0.0), 1.0);
  });
  return u;
}

}  // namespace gradus
