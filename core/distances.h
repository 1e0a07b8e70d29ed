// The p-norm distance of two vectors, exact however near or far they are, and that of all pairs by matrix products.
#pragma once
#include <algorithm>

#include "gradus/core/folds.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct Distance {
  double p = 2.0, eps = 0.0;  // eps is added to every signed difference

  // ‖a - b + eps‖_p, and in `state` what its gradient needs.  p = 0 counts the components that differ; NaN differs.
  template <class T> GRADUS_ANYWHERE T measure(const T* a, const T* b, int64_t d, RunningNorm<T>& state) const {
    const auto e = [&](int64_t k) { return a[k] - b[k] + eps; };
    state = {};
    if (p == 2) {  // a sum of squares needs no scale where none of them overflows and they do not vanish
      const T sum = row_total<T>(d, [&](auto l) { return square(l(a) - l(b) + l.all(T(eps))); });
      if (safe(sum)) {
        state = {1.0, sum};
        return sqrt(sum);
      }
    }
    for (int64_t k = 0; k < d; ++k) state = RunningNorm<T>::merge(state, RunningNorm<T>::of(e(k), p), p);
    return state.norm(p);
  }
  template <class T> GRADUS_ANYWHERE static auto within(T sum) {
    return (sum > (sizeof(typename T::Scalar) == 4 ? 0x1p-100 : 0x1p-900)) & (sum < T::infinity());
  }
  template <class T> GRADUS_ANYWHERE static bool safe(T sum) { return holds(within(sum)); }

  // Adds `up` times the gradients; null where one is not wanted.
  template <class T>
  GRADUS_ANYWHERE void back(T up, const T* a, const T* b, int64_t d, const RunningNorm<T>& state, T norm, T* grad_a,
                            T* grad_b) const {
    if (p == 2 && holds(state.max == 1.0)) {  // as measured without a scale
      const T w = up / norm;
      along_row<T>(d, [&](auto l) {
        const auto g = l.all(w) * (l(a) - l(b) + l.all(T(eps)));
        if (grad_a) l.put(grad_a, l(grad_a) + g);
        if (grad_b) l.put(grad_b, l(grad_b) - g);
      });
      return;
    }
    for (int64_t k = 0; k < d; ++k) {
      const T g = up * state.slope(a[k] - b[k] + eps, norm, p);
      if (grad_a) grad_a[k] += g;
      if (grad_b) grad_b[k] += -g;
    }
  }

  // Adds the gradients of Σ up(i, j) ‖x_i - y_j‖ over the pairs for which `wanted(i, j)`; x and y may be the same.
  template <class T, class Wanted, class Up>
  GRADUS_ANYWHERE void pull(const Case<T>& c, const Rows<T>& x, const Rows<T>& y, Wanted wanted, Up up) const {
    const auto pair = [&](int64_t i, int64_t j, T* grad_x, T* grad_y) {
      if (!wanted(i, j)) return;
      const T *a = x.at + i * x.d, *b = y.at + j * y.d;
      RunningNorm<T> state;
      const T norm = measure(a, b, x.d, state);
      back(up(i, j), a, b, x.d, state, norm, grad_x ? grad_x + i * x.d : nullptr, grad_y ? grad_y + j * y.d : nullptr);
    };
    T* const none = nullptr;
    if constexpr (Team::alone) {
      for (int64_t i = 0; i < x.n; ++i)
        for (int64_t j = 0; j < y.n; ++j) pair(i, j, x.grad, y.grad);
    } else {  // a vector is one thread's
      if (x.grad)
        c.each(x.n, [&](int64_t i) {
          for (int64_t j = 0; j < y.n; ++j) pair(i, j, x.grad, none);
        });
      if (y.grad)
        c.each(y.n, [&](int64_t j) {
          for (int64_t i = 0; i < x.n; ++i) pair(i, j, none, y.grad);
        });
    }
  }
  // The distances of the pairs as values of the problem: of i and j at(i, j), or none where that is negative.
  template <class T, class At>
  GRADUS_ANYWHERE void of_pairs(const Case<T>& c, const Rows<T>& x, const Rows<T>& y, At at) const {
    if constexpr (Team::alone) {
      for (int64_t i = 0; i < x.n; ++i)
        for (int64_t j = 0; j < y.n; ++j)
          if (at(i, j) >= 0) pair(c, x, i, y, j, at(i, j));
    } else {
      c.each(x.n * y.n, [&](int64_t k) {
        const int64_t i = k / y.n, j = k % y.n;
        RunningNorm<T> state;
        if (at(i, j) >= 0) c.value.data[at(i, j)] = measure(x.at + i * x.d, y.at + j * y.d, x.d, state);
      });
      pull(
          c, x, y, [&](int64_t i, int64_t j) { return at(i, j) >= 0; },
          [&](int64_t i, int64_t j) { return c.up.data[at(i, j)]; });
    }
  }

  // On the CPU: the distance of row i of x and row j of y is value `at` of the problem.
  template <class T>
  void pair(const Case<T>& c, const Rows<T>& x, int64_t i, const Rows<T>& y, int64_t j, int64_t at) const {
    const T *a = x.at + i * x.d, *b = y.at + j * y.d;
    RunningNorm<T> state;
    const T norm = c.value.data[at] = measure(a, b, x.d, state);
    if (c.wants_grad)
      back(c.up.data[at], a, b, x.d, state, norm, x.grad ? x.grad + i * x.d : nullptr,
           y.grad ? y.grad + j * y.d : nullptr);
  }

  // All pairs for p = 2: the distances with a vector of y in each lane, the gradients with a component in each; and one
  // by one those that need a scale.
  template <class T> void by_columns(Case<T>& c, const Rows<T>& x, const Rows<T>& y) const {
    const int64_t d = x.d, m = y.n, lanes = InPacks<T> ? PackOf<T>::size : 1, in_packs = d - d % lanes;
    const int64_t fit = (1 << 14) / (std::max<int64_t>(d, 1) * int64_t(sizeof(T)));  // in the first level of the cache
    const int64_t most = std::min(std::max<int64_t>(fit / lanes, 4), (m + lanes - 1) / lanes) * lanes;
    T *b = c.scratch(d * most), *norms = c.scratch(most), *w = c.scratch(most);
    for (int64_t first = 0; first < m; first += most) {
      const Rows<T> some_y = y.some(first, std::min(most, m - first));
      const int64_t columns = (some_y.n + lanes - 1) / lanes * lanes;
      for (int64_t k = 0; k < d; ++k)
        for (int64_t j = 0; j < columns; ++j) b[k * most + j] = some_y(j % some_y.n, k);  // the last ones have w = 0
      for (int64_t i = 0; i < x.n; ++i) {
        const T* a = x.at + i * d;
        const auto e = [=, this](auto l, int64_t k) { return l.all(a[k]) - l(b + k * most) + l.all(T(eps)); };
        T *value = c.value.data + i * m + first, *up = c.up.data + i * m + first;
        std::copy_n(up, some_y.n, w);
        std::fill_n(w + some_y.n, columns - some_y.n, T(0.0));
        bool some_need = false;
        along_row<T>(columns, [&](auto l) {
          const auto sum = total<decltype(l(b))>(d, [=](int64_t k) { return square(e(l, k)); });
          const auto needs_scale = !within(sum);
          some_need |= some(needs_scale);
          const auto norm = sqrt(select(needs_scale, 1.0, sum));
          l.put(norms, select(needs_scale, 0.0, norm));
          l.put(w, select(needs_scale, 0.0, l(w) / norm));
        });
        std::copy_n(norms, some_y.n, value);
        for (int64_t j = 0; some_need && j < some_y.n; ++j)
          if (holds(norms[j] == 0.0)) pair(c, x, i, some_y, j, i * m + first + j);
        if (T* grad = x.grad ? x.grad + i * d : nullptr) {
          along_row<T>(in_packs, [&](auto l) {
            const auto each = [=, this](int64_t j) {
              return l.all(w[j]) * (l(a) - l(some_y.at + j * d) + l.all(T(eps)));
            };
            l.put(grad, l(grad) + total<decltype(l(a))>(some_y.n, each));
          });
          for (int64_t k = in_packs; k < d; ++k)
            grad[k] += row_total<T>(columns, [=](auto l) { return l(w) * e(l, k); });
        }
        for (int64_t j = 0; j < some_y.n && y.grad; ++j)
          along_row<T>(d, [&](auto l) {
            T *at = some_y.at + j * d, *grad = some_y.grad + j * d;
            l.put(grad, l(grad) - l.all(w[j]) * (l(a) - l(at) + l.all(T(eps))));
          });
      }
    }
  }

  // All pairs for p = 2: |x|² + |y|² - 2 x·y about the mean of y, and one by one the pairs for which that would cancel.
  template <class T> void by_products(Case<T>& c, const Rows<T>& x, const Rows<T>& y) const {
    const int64_t n = x.n, m = y.n, d = x.d;
    T *mean = c.scratch(d), *a = c.scratch(n * d), *b = c.scratch(m * d);
    for (int64_t k = 0; k < d; ++k)
      mean[k] = frozen(total<T>(m, [&](int64_t j) { return y(j, k); }) / double(m));  // any point would do
    const auto centred = [&](const Rows<T>& rows, double shift, T* to) {
      T* lengths = c.scratch(rows.n);
      for (int64_t i = 0; i < rows.n; ++i) {
        for (int64_t k = 0; k < d; ++k) to[i * d + k] = rows(i, k) - mean[k] + shift;
        lengths[i] = total<T>(d, [&](int64_t k) { return square(to[i * d + k]); });
      }
      return lengths;
    };
    const T *of_x = centred(x, eps, a), *of_y = centred(y, 0.0, b);
    T* from_y = c.scratch(m);
    const auto add = [&](const Rows<T>& rows, const T* w, const T* to) {
      for (int64_t i = 0; i < rows.n * d; ++i) rows.grad[i] += w[i / d] * to[i];
    };
    const int64_t most =
        std::max<int64_t>(1, std::min((1 << 18) / std::max<int64_t>(m, 1), n));  // a part of s stays in the cache
    const Array<T> s = c.array(most, m);
    T* from_x = c.scratch(most);
    for (int64_t first = 0; first < n; first += most) {
      const Rows<T> some_x = x.some(first, std::min(most, n - first));
      const T* some_a = a + first * d;
      multiply(c, some_x.n, m, d, some_a, d, 1, b, 1, d, s.data);
      for (int64_t i = 0; i < some_x.n; ++i) {
        const int64_t at = (first + i) * m;
        T *row = s.data + i * m, *value = c.value.data + at;
        const T *up = c.up.data + at, of_this = of_x[first + i];
        bool some_cancel = false;
        along_row<T>(m, [&](auto l) {
          const auto both = l.all(of_this) + l(of_y), squared = both - 2.0 * l(row);
          const auto cancels = !((squared > both / 16.0) & within(squared));
          some_cancel |= some(cancels);
          const auto norm = sqrt(select(cancels, 1.0, squared));
          const auto w = select(cancels, 0.0, l(up) / norm);
          l.put(value, select(cancels, 0.0, norm));
          l.put(row, -w);
          l.put(from_y, l(from_y) + w);
        });
        from_x[i] = -row_total<T>(m, [&](auto l) { return l(row); });
        for (int64_t j = 0; some_cancel && j < m; ++j)
          if (holds(value[j] == 0.0)) pair(c, some_x, i, y, j, at + j);
      }
      if (x.grad) add(some_x, from_x, some_a), multiply(c, some_x.n, d, m, s.data, m, 1, b, d, 1, some_x.grad, true);
      if (y.grad) multiply(c, m, d, some_x.n, s.data, 1, m, some_a, d, 1, y.grad, true);
    }
    if (y.grad) add(y, from_y, b);
  }
};

}  // namespace gradus
