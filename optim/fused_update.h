// One pass over a parameter, its gradient and its state, vectorised and in blocks of fixed size over the threads.
#pragma once
#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/number.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/math.h"
#include "gradus/ops/staging.h"

namespace gradus {

// The larger under the name that packs know it by.
inline Tensor max(const Tensor& a, const Tensor& b) { return maximum(a, b); }

namespace detail {

// The rule in ops of tensors, for parameters on a device.
template <int buffers, class Rule>
void update_by_ops(Tensor& parameter, const Tensor& gradient, Tensor* state, const Rule& rule) {
  const NoGrad no_grad;
  Tensor p = parameter.detach(), s[buffers ? buffers : 1];
  for (int k = 0; k < buffers; ++k) s[k] = state[k];
  rule(p, gradient, s);
  copy_elements(p, parameter);
  for (int k = 0; k < buffers; ++k) copy_elements(s[k], state[k]);
}

}  // namespace detail

// rule(p, g, s) changes p and the buffers s, given as packs of T, from the gradient g.  All tensors are dense and of
// one shape and dtype.  Allocates nothing.
template <int buffers, class Rule>
void fused_update(Tensor& parameter, const Tensor& gradient, Tensor* state, const Rule& rule) {
  if (!on_cpu(parameter)) return detail::update_by_ops<buffers>(parameter, gradient, state, rule);
  visit_floating(parameter.dtype(), [&]<class F>(Type<F>) {
    using T = Num<F, pack_lanes<F>>;
    struct Rows {
      F* s[buffers ? buffers : 1] = {};
    } rows;
    for (int k = 0; k < buffers; ++k) rows.s[k] = state[k].mutable_data<F>();
    const auto one = [rule, rows, p = parameter.mutable_data<F>(), g = gradient.data<F>()](int64_t i, auto load,
                                                                                           auto store) {
      T value = load(p + i), s[buffers ? buffers : 1];
      for (int k = 0; k < buffers; ++k) s[k] = load(rows.s[k] + i);
      rule(value, load(g + i), s);
      store(value, p + i);
      for (int k = 0; k < buffers; ++k) store(s[k], rows.s[k] + i);
    };
    const int64_t n = parameter.numel();
    parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
      const int64_t end = std::min(n, (task + 1) * task_elements);
      int64_t i = task * task_elements;
      for (; i + T::size <= end; i += T::size)
        one(i, [](const F* x) { return T::load(x); }, [](T v, F* x) { v.store(x); });
      const int rest = int(end - i);
      if (rest) one(i, [=](const F* x) { return T::load_first(x, rest); }, [=](T v, F* x) { v.store_first(x, rest); });
    });
  });
}

}  // namespace gradus
