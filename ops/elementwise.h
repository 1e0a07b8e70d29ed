// Elementwise kernels: one function on a number type becomes a loop over packs, and one driver broadcasts, stages and
// threads all of them.  The ops themselves are in arithmetic.h, activation.h, math.h …
#pragma once
#include <utility>

#include "gradus/core/operations.h"
#include "gradus/core/tensor.h"

namespace gradus {

// out[i] = f(in[0][i], in[1][i] …; constants) over n dense elements.
using ElementwiseLoop = void (*)(const void* const* in, void* out, int64_t n, const double* constants);

struct Elementwise {
  const char* name;
  int inputs;
  ElementwiseLoop single, precise;    // float32, float64
  ElementwiseLoop integer = nullptr;  // int64; null where the op has no meaning there
  bool takes_mask = false;            // the first input is a bool tensor, whatever the others are
  bool gives_mask = false;            // so is the result
  ElementwiseLoop boolean = nullptr;  // bool, where it is no mask
  int operation = -1;                 // its place in operations::All or Comparisons, which devices know; -1: none
  int constants = 0;
};

// A new tensor of the inputs' broadcast shape.  All inputs (but a mask) have one dtype, else a DtypeError names the op
// and both; `constants` are the op's plain numbers.  Records nothing.  The result may be written over `spare`, the
// first input, which then moves into it: a dense tensor that nobody else holds, or null.
Tensor elementwise(const Elementwise&, const Tensor* const* inputs, const double* constants = nullptr,
                   Tensor* spare = nullptr);
// The same for ops that take or give a mask.
Tensor elementwise_with_masks(const Elementwise&, const Tensor* const* inputs, const double* constants = nullptr,
                              Tensor* spare = nullptr);

namespace loops {

// The value over packs; a single element and the ragged end run through the same instructions.
template <class Op, class F, size_t... I>
void over_packs(const void* const* in, void* out, int64_t n, const double* constants, std::index_sequence<I...>) {
  using T = Num<F, pack_lanes<F>>;
  const F* x[] = {static_cast<const F*>(in[I])...};
  F* y = static_cast<F*>(out);
  if (n == 1) {
    *y = T(operations::value<Op>(constants, T(double(*x[I]))...)).lane(0);
    return;
  }
  int64_t i = 0;
  for (; i + T::size <= n; i += T::size) T(operations::value<Op>(constants, T::load(x[I] + i)...)).store(y + i);
  if (i < n) T(operations::value<Op>(constants, T::load_first(x[I] + i, int(n - i))...)).store_first(y + i, int(n - i));
}
template <class Op, size_t... I>
void over_integers(const void* const* in, void* out, int64_t n, const double* constants, std::index_sequence<I...>) {
  const int64_t* x[] = {static_cast<const int64_t*>(in[I])...};
  int64_t* y = static_cast<int64_t*>(out);
  for (int64_t i = 0; i < n; ++i) y[i] = operations::integer<Op>(constants, x[I][i]...);
}

template <class Op, class F, int inputs>
void run(const void* const* in, void* out, int64_t n, const double* constants) {
  over_packs<Op, F>(in, out, n, constants, std::make_index_sequence<size_t(inputs)>{});
}
template <class Op, int inputs> void run_integer(const void* const* in, void* out, int64_t n, const double* constants) {
  over_integers<Op>(in, out, n, constants, std::make_index_sequence<size_t(inputs)>{});
}

template <class Op, size_t... I> constexpr ElementwiseLoop integer_loop(std::index_sequence<I...>) {
  if constexpr (operations::has_integer<Op, std::conditional_t<true, int64_t, char[I + 1]>...>)
    return run_integer<Op, int(sizeof...(I))>;
  else return nullptr;
}

}  // namespace loops

// An op with so many plain numbers.
template <class Op, int inputs> constexpr Elementwise elementwise_of(const char* name, int constants = 0) {
  return {name,
          inputs,
          loops::run<Op, float, inputs>,
          loops::run<Op, double, inputs>,
          loops::integer_loop<Op>(std::make_index_sequence<size_t(inputs)>{}),
          false,
          false,
          nullptr,
          operations::All::place<operations::Entry<Op, inputs>>(),
          constants};
}

}  // namespace gradus
