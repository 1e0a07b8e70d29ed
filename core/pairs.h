// What losses on all pairs of vectors share: matrices of scores and the way back from them to the vectors, and the
// contrast of some scores of a row with others, which keeps its digits however large the scores are.
#pragma once
#include "gradus/core/along_row.h"
#include "gradus/core/block.h"
#include "gradus/core/functions.h"

namespace gradus {

// ---- vectors ------------------------------------------------------------------------------------

// Vectors as the rows of a matrix, and what is known so far of the gradient with respect to them.
template <class T> struct Rows {
  int64_t n = 0, d = 0;
  T* at = nullptr;
  T* grad = nullptr;    // to be added to; null where it is not wanted
  T* target = nullptr;  // of normalised rows: where settle() adds the gradient of the vectors they were made from
  T* scale = nullptr;   // … and what these were divided by: their largest component, then the rest of their norm
  T* norm = nullptr;

  Rows() = default;
  // An input's vectors along its last axis; of length 1 if asked.  A zero vector stays zero and has gradient zero.
  GRADUS_ANYWHERE Rows(Case<T>& c, int input, bool normalised = false) {
    const Array<T>& x = c.in[input];
    if (!x) return;
    d = x.extent[x.rank - 1], n = 1;
    for (int k = 0; k < x.rank - 1; ++k) n *= x.extent[k];
    at = x.data, grad = c.grad[input].data;
    if (normalised) normalise(c);
  }
  GRADUS_ANYWHERE explicit operator bool() const { return at; }
  GRADUS_ANYWHERE T& operator()(int64_t i, int64_t k) const { return at[i * d + k]; }
  GRADUS_ANYWHERE Rows some(int64_t first, int64_t count) const {
    Rows r = *this;
    r.n = count, r.at += first * d;
    if (r.grad) r.grad += first * d;
    return r;
  }

  GRADUS_ANYWHERE void normalise(Case<T>& c) {
    const T* const given = at;
    at = c.scratch(n * d), scale = c.scratch(n), norm = c.scratch(n);
    if (grad) target = grad, grad = c.scratch(n * d);
    if (d == 0) return;
    c.each(n, [&](int64_t i) {
      const T *const x = given + i * d, largest = largest_magnitude(x, d);
      const auto zero = largest == 0.0;
      scale[i] = holds(zero) ? T(1.0) : frozen(largest);  // any number would do; with this one nothing overflows
      const T squares = row_total<T>(d, [&](auto l) { return square(l(x) / l.all(scale[i])); });
      norm[i] =
          select(zero, T::infinity(), sqrt(select(zero, 1.0, squares)));  // which makes 0 of all that is divided by it
      along_row<T>(d, [&](auto l) { l.put(at + i * d, l(x) / l.all(scale[i]) / l.all(norm[i])); });
    });
  }
  // The gradient U of normalised rows u becomes (U - (U·u) u) / norm of their vectors.
  GRADUS_ANYWHERE void settle(const Case<T>& c) const {
    if (!target) return;
    c.each(n, [&](int64_t i) {
      const T *u = at + i * d, *up = grad + i * d;
      const T along = row_total<T>(d, [&](auto l) { return l(up) * l(u); });
      along_row<T>(d, [&](auto l) {
        const auto slope = (l(up) - l.all(along) * l(u)) / l.all(norm[i]) / l.all(scale[i]);
        l.put(target + i * d, l(target + i * d) + slope);
      });
    });
  }
};

// x W, by a matrix that is an input; x itself where it is absent.
template <class T> struct Projected {
  Rows<T> from, rows;
  int weight;

  GRADUS_ANYWHERE Projected(Case<T>& c, const Rows<T>& x, int weight) : from(x), rows(x), weight(weight) {
    if (!given(c)) return;
    rows.d = c.in[weight].extent[1];
    rows.at = c.scratch(rows.n * rows.d);
    rows.grad = c.wants_grad ? c.scratch(rows.n * rows.d) : nullptr;
    rows.target = nullptr;
    multiply(c, from.n, rows.d, from.d, from.at, from.d, 1, c.in[weight].data, rows.d, 1, rows.at);
  }
  GRADUS_ANYWHERE bool given(const Case<T>& c) const { return weight >= 0 && c.in[weight]; }
  GRADUS_ANYWHERE void settle(Case<T>& c) const {
    if (!given(c) || !rows.grad) return;
    if (from.grad)
      multiply(c, from.n, from.d, rows.d, rows.grad, rows.d, 1, c.in[weight].data, 1, rows.d, from.grad, true);
    if (c.grad[weight])
      multiply(c, from.d, rows.d, from.n, from.at, 1, from.d, rows.grad, rows.d, 1, c.grad[weight].data, true);
  }
};

// ---- scores of all pairs, and from dL / dS back to the vectors ----------------------------------

template <class T> GRADUS_ANYWHERE Array<T> dots(Case<T>& c, const Rows<T>& x, const Rows<T>& y) {
  Array<T> s = c.array(x.n, y.n);
  multiply(c, x.n, y.n, x.d, x.at, x.d, 1, y.at, 1, y.d, s.data);
  return s;
}
// Adds G y to the gradient of x and Gᵀ x to that of y, which may be the same.
template <class T> GRADUS_ANYWHERE void dots_back(Case<T>& c, const Array<T>& g, const Rows<T>& x, const Rows<T>& y) {
  if (x.grad) multiply(c, x.n, x.d, y.n, g.data, y.n, 1, y.at, y.d, 1, x.grad, true);
  if (y.grad) multiply(c, y.n, y.d, x.n, g.data, 1, y.n, x.at, x.d, 1, y.grad, true);
}

template <class T> GRADUS_ANYWHERE Array<T> transposed(Case<T>& c, const Array<T>& a) {
  Array<T> t = c.array(a.extent[1], a.extent[0]);
  c.each(a.extent[0], [&](int64_t i) {
    for (int64_t j = 0; j < a.extent[1]; ++j) t(j, i) = a(i, j);
  });
  return t;
}

// |x_i - y_j|² from the differences: |x|² + |y|² - 2 x·y would cancel.
template <class T> GRADUS_ANYWHERE Array<T> squares(Case<T>& c, const Rows<T>& x, const Rows<T>& y) {
  Array<T> s = c.array(x.n, y.n), columns = transposed(c, Array<T>{y.at, 2, {y.n, y.d, 1, 1}});
  c.each(x.n, [&](int64_t i) {
    for (int64_t k = 0; k < x.d; ++k) {
      const T a = x(i, k), *b = columns.data + k * y.n;
      T* row = s.data + i * y.n;
      for (int64_t j = 0; j < y.n; ++j) row[j] = row[j] + square(a - b[j]);
    }
  });
  return s;
}
template <class T>
GRADUS_ANYWHERE void squares_back(const Case<T>& c, const Array<T>& g, const Rows<T>& x, const Rows<T>& y) {
  const auto back = [&](const Rows<T>& to, const Rows<T>& other, auto of) {
    if (!to.grad) return;
    c.each(to.n, [&](int64_t i) {
      for (int64_t j = 0; j < other.n; ++j) {
        const T w = 2.0 * of(i, j), *a = to.at + i * to.d, *b = other.at + j * to.d;
        for (int64_t k = 0; k < to.d; ++k) to.grad[i * to.d + k] += w * (a[k] - b[k]);
      }
    });
  };
  back(x, y, [&](int64_t i, int64_t j) { return g(i, j); });
  back(y, x, [&](int64_t j, int64_t i) { return g(i, j); });
}

// ---- contrasts ----------------------------------------------------------------------------------

// log Σ exp(β s_j) over some of a row of scores, relative to the largest of them; `share` is their softmax, 0
// elsewhere.
template <class T> struct LogSum {
  T beta, top = 0, rest = -1.0;  // Σ exp(β (s - top)) = 1 + rest; nothing yet: rest = -1
  T* share = nullptr;

  // Of those j where `in(j)`; `share` is room for the whole row.
  template <class In>
  GRADUS_ANYWHERE LogSum(const Case<T>& c, const T* s, int64_t m, T beta, T* share, In in) : beta(beta), share(share) {
    if constexpr (InPacks<T, In> || !Team::alone) of_packs(c, s, m, in);
    else of_each(s, m, in);
    if (empty()) return;
    const T part = 1.0 / (1.0 + rest);
    along_row(c, m, [&](auto at) { at.put(share, at(share) * at.all(part)); });
  }
  // Of the one at `place`.
  GRADUS_ANYWHERE LogSum(const Case<T>& c, const T* s, int64_t m, T beta, T* share, int64_t place)
      : beta(beta), top(s[place]), rest(0.0), share(share) {
    along_row(c, m, [&](auto at) { at.put(share, at.all(T(0.0))); });
    c.once([&] { share[place] = 1.0; });
  }
  GRADUS_ANYWHERE bool empty() const { return !share || holds(plain(rest) == -1.0); }

  // log Σ exp(β (s_j - origin))
  GRADUS_ANYWHERE T above(T origin) const { return empty() ? -T::infinity() : beta * (top - origin) + log1p(rest); }

 private:
  template <class In> void of_each(const T* s, int64_t m, In in) {
    int64_t at = -1;
    for (int64_t j = 0; j < m; ++j)
      if (in(j) && (at < 0 || holds(plain(beta * (s[j] - s[at])) > 0.0))) at = j;
    for (int64_t j = 0; j < m; ++j) share[j] = in(j) && j != at ? exp_negative(beta * (s[j] - s[at])) : T(0.0);
    if (at < 0) return;
    top = s[at];
    rest = total<T>(m, [&](int64_t j) { return share[j]; });
    share[at] = 1.0;
  }

  // Those that reach the top are counted and not summed, so that no small term is added to a 1.
  template <class In> GRADUS_ANYWHERE void of_packs(const Case<T>& c, const T* s, int64_t m, In in) {
    const T way = holds(beta < 0.0) ? T(-1.0) : T(1.0);
    PackOf<T> tops = -PackOf<T>::infinity();
    T last = -T::infinity();
    along_row(c, m, [&](auto at) {
      const auto seen = select(at.where(in), at.all(way) * at(s), at.all(-T::infinity()));
      if constexpr (seen.size == 1) last = max(last, seen);
      else tops = max(tops, seen);
    });
    for (int l = 0; l < PackOf<T>::size; ++l) last = max(last, T::raw(tops.lane(l)));
    top = way * c.team.join(last, [](const T& a, const T& b) { return max(a, b); });
    PackOf<T> counts = 0.0;
    T count = 0;
    const T below = row_total(c, m, [&](auto at) {
      const auto zero = at.all(T(0.0)), one = at.all(T(1.0)), x = at(s);
      const auto mine = at.where(in), highest = mine & (x == at.all(top));
      const auto e = select(mine, exp_negative(at.all(beta) * (x - at.all(top))), zero);
      const auto reached = select(highest, one, zero);
      if constexpr (reached.size == 1) count = count + reached;
      else counts = counts + reached;
      at.put(share, select(highest, one, e));
      return select(highest, zero, e);
    });
    for (int l = 0; l < PackOf<T>::size; ++l) count = count + T::raw(counts.lane(l));
    rest = below + (c.team.sum(count) - 1.0);
  }
};

// How much some scores of a row are above others: log(1 + Σ exp(β s_negative) / Σ exp(β s_positive)), which is the
// negative log of the share of the positives among both.  `decoupled` leaves out the one.
template <class T> struct Contrast {
  T value = 0, beta = 0;  // `beta`: the derivative with respect to β, times `up`
};
// The row s becomes `up` times the derivative with respect to it.  `room` holds two rows; `positive` may be a place.
template <class T, class Positive, class Negative>
GRADUS_ANYWHERE Contrast<T> contrast(const Case<T>& c, T* s, int64_t m, T beta, T up, T* room, Positive positive,
                                     Negative negative, bool decoupled = false) {
  const LogSum<T> low(c, s, m, beta, room, positive), high(c, s, m, beta, room + m, negative);
  if (low.empty() || high.empty()) {
    c.each(m, [&](int64_t j) { s[j] = 0.0; });
    return {};
  }
  const T x = high.above(low.top) - log1p(low.rest), weight = decoupled ? up : up * sigmoid(x), w = beta * weight;
  const auto pull = [&](auto at) { return at(high.share) - at(low.share); };
  const T along = row_total(c, m, [&](auto at) { return pull(at) * (at(s) - at.all(low.top)); });
  along_row(c, m, [&](auto at) { at.put(s, at.all(w) * pull(at)); });
  return {decoupled ? x : softplus(x), weight * along};
}

// Each row of x against its own row of y, among all rows of y: InfoNCE within a batch.  Adds to the values and to the
// gradients of both, and returns that of β.  `both_ways`: half of it, and half of y against x.
template <class T>
GRADUS_ANYWHERE T in_batch(Case<T>& c, const Rows<T>& x, const Rows<T>& y, T beta, bool both_ways = false,
                           bool decoupled = false) {
  const int64_t n = x.n;
  const double part = both_ways ? 0.5 : 1.0;
  T *room = c.scratch(2 * n), slope = 0;
  const auto one_way = [&](const Array<T>& s) {
    for (int64_t i = 0; i < n; ++i) {
      const auto other = [i](auto j) { return j != i; };
      const Contrast<T> r = contrast(c, s.data + i * n, n, beta, part * c.up(i), room, i, other, decoupled);
      c.add(c.value(i), part * r.value);
      slope += r.beta;
    }
  };
  const Array<T> s = dots(c, x, y), turned = both_ways ? transposed(c, s) : s;
  one_way(s);
  if (both_ways) {
    one_way(turned);
    dots_back(c, turned, y, x);
  }
  dots_back(c, s, x, y);
  return slope;
}

// Each row against the others of its label, among all others; a row without any is left out.  The scores of a batch
// with itself become their gradients; returns that of β.
template <class T> GRADUS_ANYWHERE T among_labels(Case<T>& c, const Array<T>& s, const int64_t* labels, T beta) {
  const int64_t n = s.extent[0];
  T *room = c.scratch(2 * n), slope = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto alike = [&](int64_t j) { return j != i && labels[j] == labels[i]; };
    const auto different = [&](int64_t j) { return labels[j] != labels[i]; };
    bool company = false;
    for (int64_t j = 0; j < n; ++j) company = company || alike(j);
    c.count(i) = company ? 1.0 : 0.0;
    const Contrast<T> r = contrast(c, s.data + i * n, n, beta, c.up(i), room, alike, different);
    c.value(i) = r.value;
    slope += r.beta;
  }
  return slope;
}

}  // namespace gradus
