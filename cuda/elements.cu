#include "gradus/cuda/elements.h"

#include <algorithm>
#include <new>

#include "gradus/core/convert.h"
#include "gradus/cuda/axes.h"
#include "gradus/cuda/loss_kernel.h"
#include "gradus/cuda/runtime.h"

namespace gradus::cuda_kernels {
namespace {

// ---- fill and convert ---------------------------------------------------------------------------

// Any dtype passes through int64 or double, which hold all its values.
struct Value {
  bool whole;
  int64_t integer;
  double number;
};
template <class T> __device__ __forceinline__ Value loaded(const void* from, int64_t at) {
  const T x = simt::read(static_cast<const T*>(from), at);
  constexpr bool whole = std::is_integral_v<T>;
  if constexpr (whole) return {true, int64_t(x), 0};
  else return {false, 0, convert<double>(x)};
}
template <class T> __device__ __forceinline__ void stored(void* to, int64_t at, const Value& v) {
  simt::write(static_cast<T*>(to), at, v.whole ? convert<T>(v.integer) : convert<T>(v.number));
}
__device__ Value load_any(Dtype dtype, const void* from, int64_t at) {
  switch (dtype) {
    case Dtype::float32: return loaded<float>(from, at);
    case Dtype::float64: return loaded<double>(from, at);
    case Dtype::int64: return loaded<int64_t>(from, at);
    case Dtype::int32: return loaded<int32_t>(from, at);
    case Dtype::uint8: return loaded<uint8_t>(from, at);
    case Dtype::boolean: return loaded<bool>(from, at);
    case Dtype::float16: return loaded<Half>(from, at);
    default: return loaded<BFloat16>(from, at);
  }
}
__device__ void store_any(Dtype dtype, void* to, int64_t at, const Value& v) {
  switch (dtype) {
    case Dtype::float32: return stored<float>(to, at, v);
    case Dtype::float64: return stored<double>(to, at, v);
    case Dtype::int64: return stored<int64_t>(to, at, v);
    case Dtype::int32: return stored<int32_t>(to, at, v);
    case Dtype::uint8: return stored<uint8_t>(to, at, v);
    case Dtype::boolean: return stored<bool>(to, at, v);
    case Dtype::float16: return stored<Half>(to, at, v);
    default: return stored<BFloat16>(to, at, v);
  }
}

__global__ void fill_kernel(void* to, Dtype dtype, Axes axes, int64_t n, double value) {
  for (int64_t i = first_element(); i < n; i += next_element()) store_any(dtype, to, axes.offset(i), {false, 0, value});
}
__global__ void convert_kernel(const void* from, Dtype from_dtype, Axes from_axes, void* to, Dtype to_dtype,
                               Axes to_axes, int64_t n) {
  for (int64_t i = first_element(); i < n; i += next_element())
    store_any(to_dtype, to, to_axes.offset(i), load_any(from_dtype, from, from_axes.offset(i)));
}

// ---- sum ----------------------------------------------------------------------------------------

constexpr int64_t terms_a_part = 16384;  // a long sum is cut into parts of at least this much

// Part p of output o: a group of threads adds its terms, a group's width apart, in float64.
template <class F, class To>
__global__ void __launch_bounds__(threads)
    sum_kernel(const F* from, Axes kept, Axes summed, int64_t outputs, int64_t terms, int64_t parts, unsigned group,
               To* to, Axes to_axes) {
  const int64_t groups = threads / group, length = (terms + parts - 1) / parts;
  const unsigned rank = threadIdx.x % group;
  const auto add = [](double a, double b) { return a + b; };
  for (int64_t job = blockIdx.x * groups + threadIdx.x / group; job < outputs * parts; job += gridDim.x * groups) {
    const int64_t output = job / parts, begin = job % parts * length;
    const int64_t base = kept.offset(output), end = begin + length < terms ? begin + length : terms;
    double mine = 0;
    for (int64_t i = begin + rank; i < end; i += group) mine += double(simt::read(from, base + summed.offset(i)));
    if (group == 32) mine = warp_total(mine, add);
    if (group == threads) mine = block_total(mine, add);
    if (rank == 0) simt::write(to, to_axes.offset(job), To(mine));
  }
}

template <class F> void sum_as(const Elements& from, const Elements& to) {
  Axes kept, summed, out;
  for (int d = 0; d < from.rank; ++d) {
    if (to.extent[d] == 1 && from.extent[d] != 1) summed.add(from.extent[d], from.stride[d]);
    else kept.add(from.extent[d], from.stride[d]), out.add(to.extent[d], to.stride[d]);
  }
  const int64_t outputs = kept.numel(), terms = summed.numel();
  if (outputs == 0) return;
  const int64_t parts = outputs >= most_blocks ? 1 : std::clamp<int64_t>(terms / terms_a_part, 1, most_blocks);
  const unsigned group = terms <= 16 ? 1 : terms <= 1024 ? 32 : threads;
  const F* data = static_cast<const F*>(from.data);
  const auto launch = [&](auto* result, const Axes& axes) {
    simt::launch("sum", sum_kernel<F, std::remove_pointer_t<decltype(result)>>,
                 blocks_of(outputs * parts * int64_t(group)), threads, data, kept, summed, outputs, terms, parts, group,
                 result, axes);
  };
  if (parts == 1) return launch(static_cast<F*>(to.data), out);
  double* partial = static_cast<double*>(runtime::allocate(outputs * parts * int64_t(sizeof(double))));
  if (!partial) throw std::bad_alloc();
  Axes dense, each, along;
  dense.add(outputs * parts, 1), each.add(outputs, parts), along.add(parts, 1);
  launch(partial, dense);
  simt::launch("sum", sum_kernel<double, F>, blocks_of(outputs), threads, static_cast<const double*>(partial), each,
               along, outputs, parts, int64_t{1}, 1u, static_cast<F*>(to.data), out);
  runtime::release(partial);
}

}  // namespace

void fill(const Elements& to, double value) {
  const Axes axes = axes_of(to);
  const int64_t n = axes.numel();
  if (n) simt::launch("fill", fill_kernel, blocks_of(n), threads, to.data, to.dtype, axes, n, value);
}

void convert_elements(const Elements& from, const Elements& to) {
  const Axes axes = axes_of(to);
  const int64_t n = axes.numel();
  if (n)
    simt::launch("copy", convert_kernel, blocks_of(n), threads, static_cast<const void*>(from.data), from.dtype,
                 axes_of(from), to.data, to.dtype, axes, n);
}

void sum(const Elements& from, const Elements& to) {
  from.dtype == Dtype::float32 ? sum_as<float>(from, to) : sum_as<double>(from, to);
}

}  // namespace gradus::cuda_kernels
