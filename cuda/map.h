// The kernel of a Map: a thread takes element after element, a grid's stride apart.
#pragma once
#include <cstdint>

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

// ---- neighbours ---------------------------------------------------------------------------------

// W numbers in one access.
template <class F, int W> struct alignas(W * sizeof(F)) Together {
  F v[W];
};
template <class F> constexpr int widest = 16 / int(sizeof(F));

// Do the elements lie one after another, so that W of them make an access?
template <class F> bool in_order(const View& v, const int64_t (&extent)[3]) {
  const int64_t step[] = {extent[1] * extent[2], extent[2], 1};
  if (!v.data) return true;
  for (int d = 0; d < 3; ++d)
    if (extent[d] > 1 && v.stride[d] != step[d]) return false;
  return reinterpret_cast<uintptr_t>(v.data) % (widest<F> * sizeof(F)) == 0;
}
template <class L, class F> bool all_in_order(const Arguments<L>& a) {
  bool yes = in_order<F>(a.value, a.extent) && in_order<F>(a.count, a.extent) && in_order<F>(a.upstream, a.extent);
  for (int k = 0; k < arity<L>; ++k) {
    yes = yes && in_order<F>(a.grad[k], a.extent);
    if (!L::inputs[k].label) yes = yes && in_order<F>(a.in[k], a.extent);
  }
  return yes;
}

template <class F, int W> __device__ __forceinline__ Together<F, W> load_together(const View& v, const Place& p) {
  if (!v.data) return {};
  return simt::read(reinterpret_cast<const Together<F, W>*>(static_cast<const F*>(v.data) + offset(v, p)));
}
template <class F, int W>
__device__ __forceinline__ void store_together(const View& v, const Place& p, const Together<F, W>& x) {
  if (v.data) simt::write(reinterpret_cast<Together<F, W>*>(static_cast<F*>(v.data) + offset(v, p)), 0, x);
}

// ---- the kernel ---------------------------------------------------------------------------------

// The elements from i on: one of them, or W neighbours.
template <class L, class F, int W>
__device__ __forceinline__ void map_from(const Arguments<L>& a, int64_t i, Totals& totals) {
  using T = Num<F>;
  const L& loss = a.formula.get();
  const T scale = a.scale, count_scale = a.count_scale;
  const Place place = map_place(a.extent, i);
  Together<F, W> in[arity<L>], grad[arity<L>], value, count;
  [&]<size_t... K>(std::index_sequence<K...>) {
    ((in[K] = L::inputs[K].label ? Together<F, W>() : load_together<F, W>(a.in[K], place)), ...);
  }(std::make_index_sequence<arity<L>>{});
  const Together<F, W> upstream = load_together<F, W>(a.upstream, place);
  GRADUS_UNROLLED
  for (int w = 0; w < W; ++w) {
    const auto argument = [&]<int K>() -> Arg<L, T, K> {
      if constexpr (L::inputs[K].label) {
        return input<L, F, K>(a, W == 1 ? place : map_place(a.extent, i + w), INT64_MAX, false, 0);
      } else {
        if (!a.in[K].data) return a.constant[K];
        return checked<L, F, K>(a, T::raw(in[K].v[w]), INT64_MAX, true, map_key(i + w, K));
      }
    };
    const auto s = [&]<size_t... K>(std::index_sequence<K...>) {
      return loss.eval(argument.template operator()<int(K)>()...);
    }(std::make_index_sequence<arity<L>>{});
    constexpr bool weighed = requires { s.count; };
    value.v[w] = T(s.value).v;
    if constexpr (weighed) count.v[w] = T(s.count).v;
    else count.v[w] = F(1);
    totals.value += double(value.v[w]);
    totals.active += value.v[w] != F(0);
    totals.count += double(count.v[w]);
    if constexpr (gradients<L> > 0) {
      const T up = a.upstream.data ? scale * T::raw(upstream.v[w]) : scale;
      each_gradient<L>([&]<int K, int G>() {
        T g = up * s.grad[G];
        if constexpr (weighed)
          if constexpr (L::inputs[K].in_count) g = g + count_scale * s.count_grad[G];
        grad[K].v[w] = g.v;
      });
    }
  }
  store_together<F, W>(a.value, place, value);
  store_together<F, W>(a.count, place, count);
  each_gradient<L>([&]<int K, int>() { store_together<F, W>(a.grad[K], place, grad[K]); });
}

template <class L, class F> __global__ void __launch_bounds__(threads, 1) map(const Arguments<L> a) {
  constexpr int W = widest<F>;
  const int64_t n = a.extent[0] * a.extent[1] * a.extent[2], stride = int64_t(gridDim.x) * threads;
  const int64_t me = int64_t(blockIdx.x) * threads + threadIdx.x, wide = a.in_order ? n / W : 0;
  Totals totals = {};
  for (int64_t i = me; i < wide; i += stride) map_from<L, F, W>(a, i * W, totals);
  for (int64_t i = wide * W + me; i < n; i += stride) map_from<L, F, 1>(a, i, totals);
  add_up(a.meeting, a.report, totals);
}

}  // namespace gradus::cuda_kernels
