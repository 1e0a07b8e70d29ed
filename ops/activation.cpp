#include "gradus/ops/activation.h"

#include "gradus/autograd/node.h"
#include "gradus/ops/elementwise.h"

namespace gradus {
namespace {

struct Relu {
  template <class T> GRADUS_FN static T value(T x) { return max(x, T(0.0)); }
};
// g where the function was active: linear in g, so its own gradient is the same gate.
struct Gate {
  template <class T> GRADUS_FN static T value(T g, T y) { return select(y > 0.0, g, T(0.0)); }
};

Tensor gate(const Tensor& g, const Tensor& y) {
  static constexpr Elementwise op = elementwise_of<Gate, 2>("relu");
  const Tensor* inputs[] = {&g, &y};
  Tensor out = elementwise(op, inputs);
  if (recording(g)) record("relu_backward", out, {&g}, [y = Saved(y)](const Tensor& gg, Gradients& to) { to[0] = gate(gg, y()); });
  return out;
}

}  // namespace

Tensor relu(const Tensor& x) {
  static constexpr Elementwise op = elementwise_of<Relu, 1>("relu");
  const Tensor* inputs[] = {&x};
  Tensor out = elementwise(op, inputs);
  if (recording(x)) record("relu", out, {&x}, [y = Saved(out.detach())](const Tensor& g, Gradients& to) { to[0] = gate(g, y()); });
  return out;
}

}  // namespace gradus
