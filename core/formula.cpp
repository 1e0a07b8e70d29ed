#include "gradus/core/formula.h"

#include "gradus/core/tensor.h"

namespace gradus {

Param::Param(const Tensor& tensor) : tensor_(tensor.state().get()) {}
Tensor Param::tensor() const { return Tensor(Ref<TensorState>(static_cast<TensorState*>(tensor_.get()))); }

}  // namespace gradus
