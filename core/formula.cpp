#include "gradus/core/formula.h"

#include "gradus/core/tensor.h"

namespace gradus {

// An undefined tensor is no number, which is refused, or an optional input that is absent.
Param::Param(const Tensor& tensor) : number_(tensor.defined() ? 0 : __builtin_nan("")), tensor_(tensor.state().get()) {}
Tensor Param::tensor() const { return Tensor(Ref<TensorState>(static_cast<TensorState*>(tensor_.get()))); }

}  // namespace gradus
