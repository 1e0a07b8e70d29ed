#include "gradus/cuda/elements.h"

#include "gradus/core/convert.h"
#include "gradus/cuda/axes.h"

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

}  // namespace gradus::cuda_kernels
