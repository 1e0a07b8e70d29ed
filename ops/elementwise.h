// Elementwise kernels: one function on a number type becomes a loop over packs, and one driver broadcasts, stages and
// threads all of them.  The ops themselves are in arithmetic.h, activation.h …
#pragma once
#include "gradus/core/functions.h"
#include "gradus/core/tensor.h"

namespace gradus {

// out[i] = f(in[0][i], in[1][i] …; constants) over n dense elements.
using ElementwiseLoop = void (*)(const void* const* in, void* out, int64_t n, const double* constants);

struct Elementwise {
  const char* name;
  int inputs;
  ElementwiseLoop single, precise;    // float32, float64
  ElementwiseLoop integer = nullptr;  // int64; null where the op has no meaning there
};

// A new tensor of the inputs' broadcast shape.  All inputs have one dtype, else a DtypeError names the op and both;
// `constants` are the op's plain numbers.  Records nothing.
Tensor elementwise(const Elementwise&, const Tensor* const* inputs, const double* constants = nullptr);

namespace loops {

// Op::value(T…) or Op::value(const double* constants, T…) over packs; the ragged end runs through the same instructions.
template <class Op, class F, size_t... I> void over_packs(const void* const* in, void* out, int64_t n, const double* constants, std::index_sequence<I...>) {
  using T = Num<F, pack_lanes<F>>;
  const F* x[] = {static_cast<const F*>(in[I])...};
  F* y = static_cast<F*>(out);
  const auto f = [&](auto... v) __attribute__((always_inline)) -> T {
    if constexpr (requires { Op::value(constants, v...); }) return Op::value(constants, v...);
    else return Op::value(v...);
  };
  int64_t i = 0;
  for (; i + T::size <= n; i += T::size) f(T::load(x[I] + i)...).store(y + i);
  if (i < n) f(T::load_first(x[I] + i, int(n - i))...).store_first(y + i, int(n - i));
}
template <class Op, class F, int inputs> void run(const void* const* in, void* out, int64_t n, const double* constants) {
  over_packs<Op, F>(in, out, n, constants, std::make_index_sequence<size_t(inputs)>{});
}
template <class Op> void run_integer(const void* const* in, void* out, int64_t n, const double*) {
  const auto *x = static_cast<const int64_t*>(in[0]), *y = static_cast<const int64_t*>(in[1]);
  for (int64_t i = 0; i < n; ++i) static_cast<int64_t*>(out)[i] = Op::integer(x[i], y[i]);
}

}  // namespace loops

template <class Op, int inputs> constexpr Elementwise elementwise_of(const char* name) {
  ElementwiseLoop integer = nullptr;
  if constexpr (requires { Op::integer(int64_t{}, int64_t{}); }) integer = loops::run_integer<Op>;
  return {name, inputs, loops::run<Op, float, inputs>, loops::run<Op, double, inputs>, integer};
}

}  // namespace gradus
