#include "gradus/ops/arithmetic.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/differentiable.h"
#include "gradus/ops/elementwise.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

using Wrapping = uint64_t;  // the overflow of a signed integer is undefined

struct Add {
  static constexpr const char* name = "add";
  template <class T> GRADUS_FN static T value(T a, T b) { return a + b; }
  static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a + b); }
};
struct Sub {
  static constexpr const char* name = "sub";
  template <class T> GRADUS_FN static T value(T a, T b) { return a - b; }
  static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a - b); }
};
struct Mul {
  static constexpr const char* name = "mul";
  template <class T> GRADUS_FN static T value(T a, T b) { return a * b; }
  static int64_t integer(Wrapping a, Wrapping b) { return int64_t(a * b); }
};
struct Div {
  static constexpr const char* name = "div";
  static constexpr bool pieces = false;
  template <class T> GRADUS_FN static T value(T a, T b) { return a / b; }
  template <class T> GRADUS_FN static T along_first(T g, T, T b) { return g / b; }
  template <class T> GRADUS_FN static T along_second(T g, T a, T b) { return -((g / b) * (a / b)); }
};
struct Neg {
  template <class T> GRADUS_FN static T value(T x) { return -x; }
  static int64_t integer(Wrapping x) { return int64_t(-x); }
};
struct Scaled {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return c[0] * x; }
  static int64_t integer(const double* c, Wrapping x) { return int64_t(Wrapping(int64_t(c[0])) * x); }
};
struct Shifted {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return x + c[0]; }
  static int64_t integer(const double* c, Wrapping x) { return int64_t(x + Wrapping(int64_t(c[0]))); }
};
struct Divided {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return x / c[0]; }
};

// Integers meet whole numbers only; anything else would be rounded in silence.
void check_whole(const char* op, const Tensor& x, double number) {
  if (x.dtype() == Dtype::int64 && !(std::abs(number) < 0x1p63 && number == std::floor(number))) [[unlikely]]
    throw DtypeError(
        fmt::format("{}: got int64 and the number {}, wanted a whole one; convert the tensor with to()", op, number));
}

template <class Op> Tensor result(const Tensor& a, const Tensor& b) {
  static constexpr Elementwise op = elementwise_of<Op, 2>(Op::name);
  const Tensor* inputs[] = {&a, &b};
  return elementwise(op, inputs);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor out = result<Add>(a, b);
  if (recording(a, b))
    record("add", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(g, b);
    });
  return out;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor out = result<Sub>(a, b);
  if (recording(a, b))
    record("sub", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(neg(g), b);
    });
  return out;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor out = result<Mul>(a, b);
  if (recording(a, b))
    record("mul", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(mul(g, b()), a().shape());
      if (to.wants(1)) to[1] = sum_to(mul(g, a()), b().shape());
    });
  return out;
}

Tensor div(const Tensor& a, const Tensor& b) { return binary<Div>(a, b); }

Tensor neg(const Tensor& x) {
  static constexpr Elementwise op = elementwise_of<Neg, 1>("neg");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs);
  if (recording(x)) record("neg", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = neg(g); });
  return out;
}

Tensor scaled(const Tensor& x, double factor) {
  static constexpr Elementwise op = elementwise_of<Scaled, 1>("mul");
  check_whole("mul", x, factor);
  const Tensor* inputs[] = {&x};
  Tensor out = on_cpu(x) || !computes(x.dtype()) ? elementwise(op, inputs, &factor) : device_scaled(x, factor);
  if (recording(x)) record("mul", out, {&x}, [factor](const Tensor& g, Gradients& to) { to[0] = scaled(g, factor); });
  return out;
}

Tensor shifted(const Tensor& x, double term) {
  static constexpr Elementwise op = elementwise_of<Shifted, 1>("add");
  check_whole("add", x, term);
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &term);
  if (recording(x)) record("add", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = g; });
  return out;
}

Tensor divided(const Tensor& x, double divisor) {
  static constexpr Elementwise op = elementwise_of<Divided, 1>("div");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &divisor);
  if (recording(x))
    record("div", out, {&x}, [divisor](const Tensor& g, Gradients& to) { to[0] = divided(g, divisor); });
  return out;
}

Tensor operator/(double c, const Tensor& x) { return div(scalar(c, x.dtype()), x); }

}  // namespace gradus
