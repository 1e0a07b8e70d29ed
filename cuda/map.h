// The kernel of a Map: a thread takes element after element, a grid's stride apart.
#pragma once
#include "gradus/cuda/loss_kernel.h"

namespace gradus::cuda_kernels {

// Keys of problems grow as the CPU meets them: block after block of elements, in each input after input.
constexpr int64_t checked_together = 512;
GRADUS_FN unsigned long long map_key(int64_t i, int k) {
  return (unsigned long long)((i / checked_together * max_inputs + k) * checked_together + i % checked_together);
}

GRADUS_FN Place map_place(const int64_t (&extent)[3], int64_t i) {
  if (extent[0] * extent[1] == 1) return {0, 0, i};
  const int64_t row = i / extent[2];
  return {row / extent[1], row % extent[1], i % extent[2]};
}

template <class L, class F> __global__ void __launch_bounds__(threads, 1) map(const Arguments<L> a) {
  using T = Num<F>;
  const L& loss = a.formula.get();
  const int64_t n = a.extent[0] * a.extent[1] * a.extent[2], stride = int64_t(gridDim.x) * threads;
  const T scale = a.scale, count_scale = a.count_scale;
  Totals totals = {};
  for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < n; i += stride) {
    const Place p = map_place(a.extent, i);
    const auto s = [&]<size_t... K>(std::index_sequence<K...>) {
      return loss.eval(input<L, F, int(K)>(a, p, INT64_MAX, !L::inputs[K].label, map_key(i, int(K)))...);
    }(std::make_index_sequence<arity<L>>{});
    const T value = s.value;
    store<F>(a.value, p, value);
    totals.value += double(value.v);
    totals.active += value.v != F(0);
    constexpr bool weighed = requires { s.count; };
    if constexpr (weighed) {
      const T count = s.count;
      store<F>(a.count, p, count);
      totals.count += double(count.v);
    } else {
      totals.count += 1;
    }
    if constexpr (gradients<L> > 0) {
      const T up = a.upstream.data ? scale * load<F>(a.upstream, p) : scale;
      each_gradient<L>([&]<int K, int G>() {
        if (!a.grad[K].data) return;
        T g = up * s.grad[G];
        if constexpr (weighed)
          if constexpr (L::inputs[K].in_count) g = g + count_scale * s.count_grad[G];
        store<F>(a.grad[K], p, g);
      });
    }
  }
  add_up(a.meeting, a.report, totals);
}

}  // namespace gradus::cuda_kernels
