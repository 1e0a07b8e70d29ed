// The gradient side of Tensor: its members that need nodes.
#include <fmt/core.h>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"

namespace gradus {

Tensor& Tensor::requires_grad(bool on) {
  if (!is_leaf()) {
    if (on) return *this;
    throw StateError(fmt::format(
        "requires_grad: the tensor was made by '{}', only a leaf can stop requiring a gradient; use detach()",
        made_by()));
  }
  if (!on) state_->node = Ref<Counted>();
  else if (!computes(dtype()))
    throw DtypeError(
        fmt::format("requires_grad: the tensor is {}, gradients exist for float32 and float64; convert it with to()",
                    name_of(dtype())));
  else if (!state_->node) state_->node = Ref<Counted>::adopt(Node::make_leaf());
  return *this;
}

bool Tensor::is_leaf() const { return !requires_grad() || node_of(*this)->leaf; }
const char* Tensor::made_by() const { return requires_grad() ? node_of(*this)->op : ""; }
Tensor Tensor::grad() const { return requires_grad() ? node_of(*this)->grad : Tensor(); }

void Tensor::set_grad(const Tensor& grad) const {
  if (!grad.defined()) {
    if (requires_grad()) node_of(*this)->grad = Tensor();
    return;
  }
  if (!requires_grad()) throw StateError("set_grad: the tensor requires no gradient; call requires_grad(true) first");
  if (!(grad.shape() == shape()) || grad.dtype() != dtype())
    throw ShapeError(
        fmt::format("set_grad: got {}, the tensor is {}; pass a gradient like it", describe(grad), describe(*this)));
  node_of(*this)->grad = grad;
}

Tensor Tensor::detach() const { return alias(shape(), strides()); }

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  gradus::backward(*this, gradient, {retain_graph, create_graph});
}

void check_writable(const char* op, const Tensor& t) {
  if (t.requires_grad() && t.is_leaf() && !NoGrad::active())
    throw StateError(fmt::format(
        "{}: a leaf that requires a gradient cannot be changed in place while recording; use a NoGrad block", op));
  if (t.requires_grad() && !t.is_leaf())
    throw StateError(
        fmt::format("{}: a tensor made by '{}' cannot be changed in place, its gradient would be wrong; clone() or "
                    "detach() it first",
                    op, t.made_by()));
}

}  // namespace gradus
