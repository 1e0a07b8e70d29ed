#include "gradus/ops/activation.h"

#include <fmt/core.h>

#include "gradus/core/error.h"
#include "gradus/ops/differentiable.h"

namespace gradus {
Tensor relu(const Tensor& x) { return unary<operations::Relu>(x); }
Tensor leaky_relu(const Tensor& x, double slope) { return unary<operations::LeakyRelu>(x, slope); }
Tensor elu(const Tensor& x, double alpha) { return unary<operations::Elu>(x, alpha); }
Tensor tanh(const Tensor& x) { return unary<operations::Tanh>(x); }
Tensor sigmoid(const Tensor& x) { return unary<operations::Sigmoid>(x); }
Tensor log_sigmoid(const Tensor& x) { return unary<operations::LogSigmoid>(x); }
Tensor silu(const Tensor& x) { return unary<operations::Silu>(x); }
Tensor softplus(const Tensor& x, double beta, double threshold) {
  if (!(beta > 0)) throw ParamError(fmt::format("softplus: beta is {}, wanted a number above 0", beta));
  return unary<operations::Softplus>(x, beta, threshold);
}
Tensor gelu(const Tensor& x, Gelu form) {
  return form == Gelu::exact ? unary<operations::GeluExact>(x) : unary<operations::GeluTanh>(x);
}

}  // namespace gradus
