// What the debiased contrastive losses share: negatives that may hide positives, estimated and taken out.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/functions.h"
#include "gradus/core/pairs.h"

namespace gradus {

struct DebiasedContrast {
  double beta, eta_plus, temperature;

  // Of one row: inputs 0 to 2 are its positive, negatives and extra positives, which may be absent.
  template <class T> GRADUS_ANYWHERE void solve(Case<T>& c) const {
    const T s = c.in[0]();
    const Array<T>&negative = c.in[1], &extra = c.in[2];
    const int64_t n = negative.size(), m = extra ? extra.size() : 0;
    if (n == 0) return;
    const auto all = [](int64_t) { return true; };
    T* room = c.scratch(2 * n + m);
    const LogSum<T> hard(c, negative.data, n, T(beta + 1), room, all),
        weights(c, negative.data, n, T(beta), room + n, all);
    const LogSum<T> positives(c, extra.data, m, T(1.0), room + 2 * n, all);
    // log R, the mean of exp(negative), which beta weighs towards the large ones; relative to s, as is all that
    // follows.
    const T top = hard.top;
    const T log_mean = (top - s) + log1p(hard.rest) - (beta == 0 ? log(T(double(n))) : log1p(weights.rest));
    const T log_positive = !extra ? T(0.0) : m == 0 ? -T::infinity() : positives.above(s) - log(T(double(m)));
    // h = (R - eta V) / (1 - eta), at least exp(-1 / temperature)
    const T share = eta_plus == 0
                        ? -T::infinity()
                        : log(T(eta_plus)) + log_positive - log_mean;  // of the hidden positives in R, its log
    const auto some_left = !(share >= 0.0);                            // or NaN
    const T left = log1mexp(select(some_left, share, -1.0));
    const T raw = log_mean + left - log1p(T(-eta_plus)), least = -1 / temperature - s;
    const auto free = some_left & !(raw < least);
    const T x = log(T(double(n))) + select(free, raw, least), q = sigmoid(x);
    c.value() = softplus(x);
    const T of_mean = select(free, c.up() * q * exp(-left), 0.0);
    const T of_positive = select(free, of_mean * exp(select(free, share, 0.0)), 0.0);
    if (c.grad[0]) c.grad[0]() = -c.up() * q - (extra ? T(0.0) : of_positive);
    if (c.grad[1])
      c.each(n, [&](int64_t k) { c.grad[1](k) = of_mean * ((beta + 1) * hard.share[k] - beta * weights.share[k]); });
    if (c.grad[2]) c.each(m, [&](int64_t k) { c.grad[2](k) = -of_positive * positives.share[k]; });
  }
};

}  // namespace gradus
