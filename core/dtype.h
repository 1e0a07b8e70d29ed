// Element types, and the bridge from a run-time dtype to a C++ type.
#pragma once
#include <cstdint>

namespace gradus {

// float16 and bfloat16 are storage only: they convert, arithmetic is done in float32.
enum class Dtype : uint8_t { float32, float64, int64, int32, uint8, boolean, float16, bfloat16 };

// IEEE binary16.
struct Half {
  uint16_t bits;
};
// The upper half of a float32.
struct BFloat16 {
  uint16_t bits;
};

constexpr int64_t size_of(Dtype t) {
  constexpr uint8_t sizes[] = {4, 8, 8, 4, 1, 1, 2, 2};
  return sizes[int(t)];
}
constexpr bool is_floating(Dtype t) {
  return t == Dtype::float32 || t == Dtype::float64 || t == Dtype::float16 || t == Dtype::bfloat16;
}
// Do arithmetic and gradients exist?
constexpr bool computes(Dtype t) { return t == Dtype::float32 || t == Dtype::float64; }
constexpr const char* name_of(Dtype t) {
  constexpr const char* names[] = {"float32", "float64", "int64", "int32", "uint8", "bool", "float16", "bfloat16"};
  return names[int(t)];
}

template <class T> struct dtype_trait;
template <> struct dtype_trait<float> { static constexpr Dtype value = Dtype::float32; };
template <> struct dtype_trait<double> { static constexpr Dtype value = Dtype::float64; };
template <> struct dtype_trait<int64_t> { static constexpr Dtype value = Dtype::int64; };
template <> struct dtype_trait<int32_t> { static constexpr Dtype value = Dtype::int32; };
template <> struct dtype_trait<uint8_t> { static constexpr Dtype value = Dtype::uint8; };
template <> struct dtype_trait<bool> { static constexpr Dtype value = Dtype::boolean; };
template <> struct dtype_trait<Half> { static constexpr Dtype value = Dtype::float16; };
template <> struct dtype_trait<BFloat16> { static constexpr Dtype value = Dtype::bfloat16; };
template <class T> constexpr Dtype dtype_of = dtype_trait<T>::value;

template <class T> struct Type { using type = T; };

// visit_floating(x.dtype(), [&]<class F>(Type<F>) { ... }): float32 runs as float, everything else as double.
// The caller has checked that the dtype computes().
template <class Fn> decltype(auto) visit_floating(Dtype t, Fn&& fn) {
  return t == Dtype::float32 ? fn(Type<float>{}) : fn(Type<double>{});
}

// visit(x.dtype(), [&]<class T>(Type<T>) { ... }) for every dtype.
template <class Fn> decltype(auto) visit(Dtype t, Fn&& fn) {
  switch (t) {
    case Dtype::float32: return fn(Type<float>{});
    case Dtype::float64: return fn(Type<double>{});
    case Dtype::int64: return fn(Type<int64_t>{});
    case Dtype::int32: return fn(Type<int32_t>{});
    case Dtype::uint8: return fn(Type<uint8_t>{});
    case Dtype::boolean: return fn(Type<bool>{});
    case Dtype::float16: return fn(Type<Half>{});
    default: return fn(Type<BFloat16>{});
  }
}

}  // namespace gradus
