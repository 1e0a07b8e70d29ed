// Recorded elementwise ops: what core/operations.h knows of an op, with its node on the tape.
//
//   Tensor sigmoid(const Tensor& x) { return unary<operations::Sigmoid>(x); }
//
// The slope is instantiated twice: on packs it is the fused kernel of a plain backward, on Tensors it is the recorded
// expression of a backward that is itself to be differentiated.
#pragma once
#include <array>

#include "gradus/autograd/node.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/elementwise.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/math.h"
#include "gradus/ops/reduce.h"

namespace gradus {

// Choosing under the name that packs know it by.
inline Tensor select(const Tensor& mask, const Tensor& a, const Tensor& b) { return where(mask, a, b); }
inline Tensor select(const Tensor& mask, double a, const Tensor& b) { return where(mask, a, b); }
inline Tensor select(const Tensor& mask, const Tensor& a, double b) { return where(mask, a, b); }

// The output y that a node kept, in the graph again: for a backward that is itself recorded.  `record_from(x, y)`
// records y as the op's output from an input of y's shape; the node of that input is all that was kept of it.
template <class Record> Tensor made_again(const Tensor& y, const Ref<Counted>& input_node, Record record_from) {
  Tensor x = y.detach(), again = y.detach();
  x.state()->node = input_node;
  record_from(x, again);
  return again;
}

namespace detail {

// A number per parameter of the op.
template <size_t n> using Constants = std::array<double, n>;

constexpr bool of_output(Keeps k) { return k == Keeps::output || k == Keeps::output_pieces; }
constexpr bool in_pieces(Keeps k) { return k == Keeps::input_pieces || k == Keeps::output_pieces; }

template <class Op, size_t n>
Tensor slope(const Tensor& g, const Tensor& kept, const Constants<n>& c, Tensor* spare = nullptr) {
  if constexpr (!in_pieces(Op::keeps))
    if (recording(g, kept)) return operations::Slope<Op>::template value<Tensor>(c.data(), g, kept);
  static constexpr Elementwise kernel = elementwise_of<operations::Slope<Op>, 2>(Op::name, int(n));
  const Tensor* inputs[] = {&g, &kept};
  if (spare) return elementwise(kernel, inputs, c.data(), spare);  // nothing is recorded
  Tensor out = elementwise(kernel, inputs, c.data());
  if (recording(g))
    record(Op::name, out, {&g},
           [kept = Saved(kept.detach()), c](const Tensor& gg, Gradients& to) { to[0] = slope<Op>(gg, kept(), c); });
  return out;
}

template <class Op, size_t n> void record_unary(const Tensor& x, Tensor& out, const Constants<n>& c) {
  if constexpr (Op::keeps == Keeps::flat)
    record(Op::name, out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = zeros_like(g); });
  else if constexpr (Op::keeps == Keeps::output)
    record(Op::name, out, {&x}, [y = Saved(out.detach()), from = x.state()->node, c](const Tensor& g, Gradients& to) {
      const auto again = [&c](const Tensor& x, Tensor& out) { record_unary<Op>(x, out, c); };
      to[0] = slope<Op>(g, NoGrad::active() ? y() : made_again(y(), from, again), c, to.spare());
    });
  else
    record(Op::name, out, {&x},
           [kept = Saved(of_output(Op::keeps) ? out.detach() : x), c](const Tensor& g, Gradients& to) {
             to[0] = slope<Op>(g, kept(), c, to.spare());
           });
}

template <class Kernel, class Op> Tensor slope_along(const Tensor& g, const Tensor& a, const Tensor& b) {
  if constexpr (!Op::pieces)
    if (recording(g, a, b)) return Kernel::template value<Tensor>(g, a, b);
  static constexpr Elementwise kernel = elementwise_of<Kernel, 3>(Op::name);
  const Tensor* inputs[] = {&g, &a, &b};
  Tensor out = elementwise(kernel, inputs);
  if (recording(g))
    record(Op::name, out, {&g}, [a = Saved(a.detach()), b = Saved(b.detach())](const Tensor& gg, Gradients& to) {
      to[0] = slope_along<Kernel, Op>(gg, a(), b());
    });
  return out;
}

// Both slopes of a binary op over n dense elements; either result may lie where an input lies.
using SlopesLoop = void (*)(const void* const (&in)[3], void* first, void* second, int64_t n);
template <class Op, class F>
[[gnu::noinline]] void run_slopes_over_packs(const void* const (&in)[3], void* first, void* second, int64_t n) {
  using T = Num<F, pack_lanes<F>>;
  const auto [g, a, b] =
      std::array{static_cast<const F*>(in[0]), static_cast<const F*>(in[1]), static_cast<const F*>(in[2])};
  F *along_first = static_cast<F*>(first), *along_second = static_cast<F*>(second);
  const auto both = [](T g, T a, T b) __attribute__((always_inline)) {
    return std::pair<T, T>(Op::along_first(g, a, b), Op::along_second(g, a, b));
  };
  int64_t i = 0;
  for (; i + T::size <= n; i += T::size) {
    const auto [x, y] = both(T::load(g + i), T::load(a + i), T::load(b + i));
    x.store(along_first + i), y.store(along_second + i);
  }
  if (const int rest = int(n - i)) {
    const auto [x, y] = both(T::load_first(g + i, rest), T::load_first(a + i, rest), T::load_first(b + i, rest));
    x.store_first(along_first + i, rest), y.store_first(along_second + i, rest);
  }
}
template <class Op, class F> void run_slopes(const void* const (&in)[3], void* first, void* second, int64_t n) {
  if (n > 1) return run_slopes_over_packs<Op, F>(in, first, second, n);
  if (n == 0) return;
  const auto number = [&](int k) { return Num<F, pack_lanes<F>>(double(*static_cast<const F*>(in[k]))); };
  const auto g = number(0), a = number(1), b = number(2);
  *static_cast<F*>(first) = Op::along_first(g, a, b).lane(0);
  *static_cast<F*>(second) = Op::along_second(g, a, b).lane(0);
}
struct Slopes {
  SlopesLoop single, precise;
};
template <class Op> inline constexpr Slopes slopes_of{run_slopes<Op, float>, run_slopes<Op, double>};

// Both gradients in one pass, the second in place of the one that arrived: where both are wanted, nobody else holds
// that one, and all is small, dense and of one shape. Else false, and nothing is done.
bool write_both(const Slopes&, const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to);

}  // namespace detail

// Op::value(x), recorded; `numbers` are the op's parameters.
template <class Op, class... Numbers> Tensor unary(const Tensor& x, Numbers... numbers) {
  static constexpr Elementwise kernel = elementwise_of<Op, 1>(Op::name, int(sizeof...(Numbers)));
  const detail::Constants<sizeof...(Numbers)> c{double(numbers)...};
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(kernel, inputs, c.data());
  if (recording(x)) detail::record_unary<Op>(x, out, c);
  return out;
}

// Op::value(a, b) over the broadcast shape, recorded; its slopes are along_first and along_second, and Op::pieces says
// that they are constant in pieces.
template <class Op> Tensor binary(const Tensor& a, const Tensor& b) {
  static constexpr Elementwise kernel = elementwise_of<Op, 2>(Op::name);
  const Tensor* inputs[] = {&a, &b};
  Tensor out = elementwise(kernel, inputs);
  if (recording(a, b))
    record(Op::name, out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (detail::write_both(detail::slopes_of<Op>, g, a(), b(), to)) return;
      if (to.wants(0)) to[0] = sum_to(detail::slope_along<operations::AlongFirst<Op>, Op>(g, a(), b()), a().shape());
      if (to.wants(1)) to[1] = sum_to(detail::slope_along<operations::AlongSecond<Op>, Op>(g, a(), b()), b().shape());
    });
  return out;
}

}  // namespace gradus
