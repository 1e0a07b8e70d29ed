#include "gradus/ops/arithmetic.h"

#include "gradus/autograd/node.h"
#include "gradus/ops/elementwise.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

struct Add {
  template <class T> GRADUS_FN static T value(T a, T b) { return a + b; }
  static int64_t integer(int64_t a, int64_t b) { return a + b; }
};
struct Sub {
  template <class T> GRADUS_FN static T value(T a, T b) { return a - b; }
  static int64_t integer(int64_t a, int64_t b) { return a - b; }
};
struct Mul {
  template <class T> GRADUS_FN static T value(T a, T b) { return a * b; }
  static int64_t integer(int64_t a, int64_t b) { return a * b; }
};
struct Div {
  template <class T> GRADUS_FN static T value(T a, T b) { return a / b; }
};
struct Neg {
  template <class T> GRADUS_FN static T value(T x) { return -x; }
};
struct Scaled {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return T(c[0]) * x; }
};
struct Shifted {
  template <class T> GRADUS_FN static T value(const double* c, T x) { return x + T(c[0]); }
};

template <class Op> Tensor binary(const char* name, const Tensor& a, const Tensor& b) {
  static constexpr Elementwise loops = elementwise_of<Op, 2>("");
  const Tensor* inputs[] = {&a, &b};
  Elementwise op = loops;
  op.name = name;
  return elementwise(op, inputs);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor out = binary<Add>("add", a, b);
  if (recording(a, b))
    record("add", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(g, b);
    });
  return out;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor out = binary<Sub>("sub", a, b);
  if (recording(a, b))
    record("sub", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(neg(g), b);
    });
  return out;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor out = binary<Mul>("mul", a, b);
  if (recording(a, b))
    record("mul", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(mul(g, b()), a().shape());
      if (to.wants(1)) to[1] = sum_to(mul(g, a()), b().shape());
    });
  return out;
}

Tensor div(const Tensor& a, const Tensor& b) {
  Tensor out = binary<Div>("div", a, b);
  if (recording(a, b))
    record("div", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      const Tensor over_b = div(g, b());
      if (to.wants(0)) to[0] = sum_to(over_b, a().shape());
      if (to.wants(1)) to[1] = sum_to(neg(mul(over_b, div(a(), b()))), b().shape());
    });
  return out;
}

Tensor neg(const Tensor& x) {
  static constexpr Elementwise op = elementwise_of<Neg, 1>("neg");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs);
  if (recording(x)) record("neg", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = neg(g); });
  return out;
}

Tensor scaled(const Tensor& x, double factor) {
  static constexpr Elementwise op = elementwise_of<Scaled, 1>("mul");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &factor);
  if (recording(x)) record("mul", out, {&x}, [factor](const Tensor& g, Gradients& to) { to[0] = scaled(g, factor); });
  return out;
}

Tensor shifted(const Tensor& x, double term) {
  static constexpr Elementwise op = elementwise_of<Shifted, 1>("add");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &term);
  if (recording(x)) record("add", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = g; });
  return out;
}

}  // namespace gradus
