#include "gradus/ops/compare.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "gradus/core/error.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/differentiable.h"

namespace gradus {
namespace {

// ---- comparisons --------------------------------------------------------------------------------

template <class Op, class E> void compare_pairs(const void* const* in, void* out, int64_t n, const double*) {
  const E *a = static_cast<const E*>(in[0]), *b = static_cast<const E*>(in[1]);
  bool* to = static_cast<bool*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = Op::holds(a[i], b[i]);
}
template <class Op, class E> void compare_number(const void* const* in, void* out, int64_t n, const double* number) {
  using Wide = std::conditional_t<std::is_same_v<E, int64_t>, double, E>;
  const E* a = static_cast<const E*>(in[0]);
  const Wide b = Wide(*number);
  bool* to = static_cast<bool*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = Op::holds(Wide(a[i]), b);
}

// The narrow types are compared as the next wider one that has a loop.
Tensor widened(const Tensor& x) {
  if (computes(x.dtype()) || x.dtype() == Dtype::int64) return x;
  return to(x.detach(), is_floating(x.dtype()) ? Dtype::float32 : Dtype::int64);
}

template <class Op> Tensor compare(const Tensor& a, const Tensor& b) {
  static constexpr Elementwise op{Op::name,
                                  2,
                                  compare_pairs<Op, float>,
                                  compare_pairs<Op, double>,
                                  compare_pairs<Op, int64_t>,
                                  false,
                                  true,
                                  nullptr,
                                  operations::Comparisons::place<operations::Entry<operations::OfPair<Op>, 2>>()};
  if (a.dtype() != b.dtype())
    throw DtypeError(
        fmt::format("{}: got {} and {}, wanted one dtype; convert one with to()", Op::name, describe(a), describe(b)));
  const Tensor wide_a = widened(a), wide_b = widened(b);
  const Tensor* inputs[] = {&wide_a, &wide_b};
  return elementwise_with_masks(op, inputs);
}
template <class Op> Tensor compare(const Tensor& a, double number) {
  static constexpr Elementwise op{Op::name,
                                  1,
                                  compare_number<Op, float>,
                                  compare_number<Op, double>,
                                  compare_number<Op, int64_t>,
                                  false,
                                  true,
                                  nullptr,
                                  operations::Comparisons::place<operations::Entry<operations::OfNumber<Op>, 1>>(),
                                  1};
  const Tensor wide = widened(a);
  const Tensor* inputs[] = {&wide};
  return elementwise_with_masks(op, inputs, &number);
}

// ---- the kinds of numbers -----------------------------------------------------------------------

template <class Op> Tensor classify(const Tensor& x) { return compare<Op>(x, std::numeric_limits<double>::infinity()); }

// ---- logic --------------------------------------------------------------------------------------

template <class Op> void join_masks(const void* const* in, void* out, int64_t n, const double*) {
  const bool *a = static_cast<const bool*>(in[0]), *b = static_cast<const bool*>(in[1]);
  for (int64_t i = 0; i < n; ++i) static_cast<bool*>(out)[i] = Op::holds(a[i], b[i]);
}

template <class Op> Tensor logical(const Tensor& a, const Tensor& b) {
  static constexpr Elementwise op{Op::name,
                                  2,
                                  nullptr,
                                  nullptr,
                                  nullptr,
                                  false,
                                  true,
                                  join_masks<Op>,
                                  operations::Comparisons::place<operations::Entry<operations::OfPair<Op>, 2>>()};
  const Tensor mask_a = a.dtype() == Dtype::boolean ? a : ne(a, 0), mask_b = b.dtype() == Dtype::boolean ? b : ne(b, 0);
  const Tensor* inputs[] = {&mask_a, &mask_b};
  return elementwise_with_masks(op, inputs);
}

// ---- choosing -----------------------------------------------------------------------------------

// By bits: with a conditional expression the compiler chooses between addresses, and the loop does not vectorise.
template <class E> void choose(const void* const* in, void* out, int64_t n, const double*) {
  using Bits = std::conditional_t<sizeof(E) == 8, uint64_t, std::conditional_t<sizeof(E) == 4, uint32_t, uint8_t>>;
  const bool* mask = static_cast<const bool*>(in[0]);
  const E *a = static_cast<const E*>(in[1]), *b = static_cast<const E*>(in[2]);
  for (int64_t i = 0; i < n; ++i) {
    const Bits chosen = Bits(0) - Bits(mask[i]);
    const Bits bits = Bits((std::bit_cast<Bits>(a[i]) & chosen) | (std::bit_cast<Bits>(b[i]) & ~chosen));
    static_cast<E*>(out)[i] = std::bit_cast<E>(bits);
  }
}

// x where the mask is `kept`, else a number.
template <class E> void keep(const void* const* in, void* out, int64_t n, const double* constants) {
  const bool* mask = static_cast<const bool*>(in[0]);
  const E *x = static_cast<const E*>(in[1]), otherwise = E(constants[1]);
  const bool kept = constants[0] != 0;
  for (int64_t i = 0; i < n; ++i) {
    const E v = x[i];
    static_cast<E*>(out)[i] = mask[i] == kept ? v : otherwise;
  }
}

Tensor keep(const Tensor& mask, const Tensor& x, bool kept, double otherwise) {
  static constexpr Elementwise op{"where", 2, keep<float>, keep<double>, keep<int64_t>, true, false, keep<bool>, -1, 2};
  const double constants[] = {double(kept), otherwise};
  const Tensor* inputs[] = {&mask, &x};
  Tensor out = elementwise_with_masks(op, inputs, constants);
  if (recording(x))
    record("where", out, {&x}, [mask = Saved(mask), shape = x.shape(), kept](const Tensor& g, Gradients& to) {
      to[0] = sum_to(keep(mask(), g, kept, 0), shape);
    });
  return out;
}

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) { return compare<operations::Eq>(a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return compare<operations::Ne>(a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return compare<operations::Lt>(a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return compare<operations::Le>(a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare<operations::Gt>(a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare<operations::Ge>(a, b); }
Tensor eq(const Tensor& a, double b) { return compare<operations::Eq>(a, b); }
Tensor ne(const Tensor& a, double b) { return compare<operations::Ne>(a, b); }
Tensor lt(const Tensor& a, double b) { return compare<operations::Lt>(a, b); }
Tensor le(const Tensor& a, double b) { return compare<operations::Le>(a, b); }
Tensor gt(const Tensor& a, double b) { return compare<operations::Gt>(a, b); }
Tensor ge(const Tensor& a, double b) { return compare<operations::Ge>(a, b); }

Tensor isnan(const Tensor& x) { return classify<operations::IsNan>(x); }
Tensor isinf(const Tensor& x) { return classify<operations::IsInf>(x); }
Tensor isfinite(const Tensor& x) { return classify<operations::IsFinite>(x); }

Tensor logical_and(const Tensor& a, const Tensor& b) { return logical<operations::And>(a, b); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return logical<operations::Or>(a, b); }
Tensor logical_not(const Tensor& x) { return eq(x, 0); }

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  static constexpr Elementwise op{"where",         3,    choose<float>, choose<double>,
                                  choose<int64_t>, true, false,         choose<bool>};
  const Tensor* inputs[] = {&mask, &a, &b};
  Tensor out = elementwise_with_masks(op, inputs);
  if (recording(a, b))
    record("where", out, {&a, &b}, [mask = Saved(mask), a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(keep(mask(), g, true, 0), a);
      if (to.wants(1)) to[1] = sum_to(keep(mask(), g, false, 0), b);
    });
  return out;
}
Tensor where(const Tensor& mask, const Tensor& a, double b) { return keep(mask, a, true, b); }
Tensor where(const Tensor& mask, double a, const Tensor& b) { return keep(mask, b, false, a); }

Tensor maximum(const Tensor& a, const Tensor& b) { return binary<operations::Maximum>(a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return binary<operations::Minimum>(a, b); }

Tensor clamp(const Tensor& x, std::optional<double> low, std::optional<double> high) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double from = low.value_or(-infinity), to = high.value_or(infinity);
  if (!(from <= to)) throw ParamError(fmt::format("clamp: low is {} and high is {}; choose low <= high", from, to));
  return unary<operations::Clamp>(x, from, to);
}

}  // namespace gradus
