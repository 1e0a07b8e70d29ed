#include "gradus/ops/arithmetic.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/differentiable.h"
#include "gradus/ops/elementwise.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// Integers meet whole numbers only; anything else would be rounded in silence.
void check_whole(const char* op, const Tensor& x, double number) {
  if (x.dtype() == Dtype::int64 && !(std::abs(number) < 0x1p63 && number == std::floor(number))) [[unlikely]]
    throw DtypeError(
        fmt::format("{}: got int64 and the number {}, wanted a whole one; convert the tensor with to()", op, number));
}

// Of a product.
struct Crosswise {
  template <class T> static T along_first(T g, T, T b) { return g * b; }
  template <class T> static T along_second(T g, T a, T) { return g * a; }
};

template <class Op> Tensor result(const Tensor& a, const Tensor& b) {
  static constexpr Elementwise op = elementwise_of<Op, 2>(Op::name);
  const Tensor* inputs[] = {&a, &b};
  return elementwise(op, inputs);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor out = result<operations::Add>(a, b);
  if (recording(a, b))
    record("add", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(g, b);
    });
  return out;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor out = result<operations::Sub>(a, b);
  if (recording(a, b))
    record("sub", out, {&a, &b}, [a = a.shape(), b = b.shape()](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(g, a);
      if (to.wants(1)) to[1] = sum_to(neg(g), b);
    });
  return out;
}

// Apart from what mul records, so that the path of small tensors keeps a small frame.
[[gnu::noinline]] static void product_gradients(const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
  if (to.wants(0)) to[0] = sum_to(mul(g, b), a.shape());
  if (to.wants(1)) to[1] = sum_to(mul(g, a), b.shape());
}

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor out = result<operations::Mul>(a, b);
  if (recording(a, b))
    record("mul", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (!detail::write_both(detail::slopes_of<Crosswise>, g, a(), b(), to)) product_gradients(g, a(), b(), to);
    });
  return out;
}

Tensor div(const Tensor& a, const Tensor& b) { return binary<operations::Div>(a, b); }

Tensor neg(const Tensor& x) {
  static constexpr Elementwise op = elementwise_of<operations::Neg, 1>("neg");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs);
  if (recording(x)) record("neg", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = neg(g); });
  return out;
}

Tensor scaled(const Tensor& x, double factor) {
  static constexpr Elementwise op = elementwise_of<operations::Scaled, 1>("mul", 1);
  check_whole("mul", x, factor);
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &factor);
  if (recording(x)) record("mul", out, {&x}, [factor](const Tensor& g, Gradients& to) { to[0] = scaled(g, factor); });
  return out;
}

Tensor shifted(const Tensor& x, double term) {
  static constexpr Elementwise op = elementwise_of<operations::Shifted, 1>("add", 1);
  check_whole("add", x, term);
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &term);
  if (recording(x)) record("add", out, {&x}, [](const Tensor& g, Gradients& to) { to[0] = g; });
  return out;
}

Tensor divided(const Tensor& x, double divisor) {
  static constexpr Elementwise op = elementwise_of<operations::Divided, 1>("div", 1);
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs, &divisor);
  if (recording(x))
    record("div", out, {&x}, [divisor](const Tensor& g, Gradients& to) { to[0] = divided(g, divisor); });
  return out;
}

Tensor operator/(double c, const Tensor& x) { return div(scalar(c, x.dtype(), x.device()), x); }

}  // namespace gradus
