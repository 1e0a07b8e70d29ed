// One pass over a parameter, its gradient and its state, vectorised and in blocks of fixed size over the threads.
#pragma once
#include <algorithm>

#include "gradus/core/device_elements.h"
#include "gradus/core/number.h"
#include "gradus/core/threads.h"
#include "gradus/core/update_rules.h"
#include "gradus/ops/staging.h"

namespace gradus {

// Changes the parameter and its state by one of the update rules.  All tensors are dense, of one shape and dtype, and
// on one device.  Allocates nothing.
template <class Rule> void fused_update(Tensor& parameter, const Tensor& gradient, Tensor* state, const Rule& rule) {
  constexpr int place = update_rules::All::template place<Rule>();
  static_assert(place >= 0, "a device knows the rules that are listed");
  if (!on_cpu(parameter)) return device_update(place, &rule, sizeof rule, gradient, state, Rule::buffers, parameter);
  visit_floating(parameter.dtype(), [&]<class F>(Type<F>) {
    using T = Num<F, pack_lanes<F>>;
    struct Rows {
      F* s[Rule::buffers ? Rule::buffers : 1] = {};
    } rows;
    for (int k = 0; k < Rule::buffers; ++k) rows.s[k] = state[k].mutable_data<F>();
    const auto one = [rule, rows, p = parameter.mutable_data<F>(), g = gradient.data<F>()](int64_t i, auto load,
                                                                                           auto store) {
      T value = load(p + i), s[Rule::buffers ? Rule::buffers : 1];
      for (int k = 0; k < Rule::buffers; ++k) s[k] = load(rows.s[k] + i);
      rule(value, load(g + i), s);
      store(value, p + i);
      for (int k = 0; k < Rule::buffers; ++k) store(s[k], rows.s[k] + i);
    };
    const int64_t n = parameter.numel();
    parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
      const auto here = one;  // a local copy: the rule's numbers stay in registers, for no store can reach them
      const int64_t end = std::min(n, (task + 1) * task_elements);
      int64_t i = task * task_elements;
      for (; i + T::size <= end; i += T::size)
        here(i, [](const F* x) { return T::load(x); }, [](T v, F* x) { v.store(x); });
      const int rest = int(end - i);
      if (rest) here(i, [=](const F* x) { return T::load_first(x, rest); }, [=](T v, F* x) { v.store_first(x, rest); });
    });
  });
}

}  // namespace gradus
