// The p-norm distance of two vectors, exact however near or far they are, and that of all pairs by matrix products.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct Distance {
  double p = 2.0, eps = 0.0;  // eps is added to every signed difference

  // ‖a - b + eps‖_p, and in `state` what its gradient needs.  p = 0 counts the components that differ; NaN differs.
  template <class T> T measure(const T* a, const T* b, int64_t d, RunningNorm<T>& state) const {
    const auto e = [&](int64_t k) { return a[k] - b[k] + eps; };
    state = {};
    if (p == 2) {  // a sum of squares needs no scale where none of them overflows and they do not vanish
      const T sum = total<T>(d, [&](int64_t k) { return square(e(k)); });
      if (safe(sum)) {
        state = {1.0, sum};
        return sqrt(sum);
      }
    }
    for (int64_t k = 0; k < d; ++k) state = RunningNorm<T>::merge(state, RunningNorm<T>::of(e(k), p), p);
    return state.norm(p);
  }
  template <class T> static bool safe(T sum) {
    return holds(sum > (sizeof(typename T::Scalar) == 4 ? 0x1p-100 : 0x1p-900)) && holds(sum < T::infinity());
  }

  // Adds `up` times the gradients; null where one is not wanted.
  template <class T>
  void back(T up, const T* a, const T* b, int64_t d, const RunningNorm<T>& state, T norm, T* grad_a, T* grad_b) const {
    if (p == 2 && holds(state.max == 1.0)) {  // as measured without a scale: loops for vectors
      const T w = up / norm;
      for (int64_t k = 0; k < d && grad_a; ++k) grad_a[k] += w * (a[k] - b[k] + eps);
      for (int64_t k = 0; k < d && grad_b; ++k) grad_b[k] += w * (b[k] - a[k] - eps);
      return;
    }
    for (int64_t k = 0; k < d; ++k) {
      const T g = up * state.slope(a[k] - b[k] + eps, norm, p);
      if (grad_a) grad_a[k] += g;
      if (grad_b) grad_b[k] += -g;
    }
  }

  // The distance of row i of x and row j of y is value `at` of the problem.
  template <class T> void pair(Case<T>& c, const Rows<T>& x, int64_t i, const Rows<T>& y, int64_t j, int64_t at) const {
    const T *a = x.at + i * x.d, *b = y.at + j * y.d;
    RunningNorm<T> state;
    const T norm = c.value.data[at] = measure(a, b, x.d, state);
    if (c.wants_grad)
      back(c.up.data[at], a, b, x.d, state, norm, x.grad ? x.grad + i * x.d : nullptr,
           y.grad ? y.grad + j * y.d : nullptr);
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
    const Array<T> s = c.array(n, m);
    T *from_x = c.scratch(n), *from_y = c.scratch(m);
    multiply(c, n, m, d, a, d, 1, b, 1, d, s.data);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < m; ++j) {
        const T both = of_x[i] + of_y[j], squared = both - 2.0 * s(i, j);
        if (safe(squared) && holds(squared > both / 16.0)) {
          const T norm = c.value(i, j) = sqrt(squared), w = c.up(i, j) / norm;
          s(i, j) = -w;
          from_x[i] += w;
          from_y[j] += w;
        } else {
          s(i, j) = 0.0;
          pair(c, x, i, y, j, i * m + j);
        }
      }
    const auto add = [&](const Rows<T>& rows, const T* w, const T* to) {
      for (int64_t i = 0; i < rows.n * d; ++i) rows.grad[i] += w[i / d] * to[i];
    };
    if (x.grad) add(x, from_x, a), multiply(c, n, d, m, s.data, m, 1, b, d, 1, x.grad, true);
    if (y.grad) add(y, from_y, b), multiply(c, m, d, n, s.data, 1, m, a, d, 1, y.grad, true);
  }
};

}  // namespace gradus
