// Activation functions as layers, for Sequential.
#pragma once
#include "gradus/nn/module.h"
#include "gradus/ops/activation.h"
#include "gradus/ops/softmax.h"

namespace gradus {

struct ReLU : Module {
  Tensor forward(const Tensor& x) override { return relu(x); }
};
struct LeakyReLU : Module {
  double slope;
  explicit LeakyReLU(double slope = 0.01) : slope(slope) {}
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope); }
};
struct ELU : Module {
  double alpha;
  explicit ELU(double alpha = 1) : alpha(alpha) {}
  Tensor forward(const Tensor& x) override { return elu(x, alpha); }
};
struct GELU : Module {
  Gelu form;
  explicit GELU(Gelu form = Gelu::exact) : form(form) {}
  Tensor forward(const Tensor& x) override { return gelu(x, form); }
};
struct SiLU : Module {
  Tensor forward(const Tensor& x) override { return silu(x); }
};
struct Sigmoid : Module {
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
};
struct Tanh : Module {
  Tensor forward(const Tensor& x) override { return tanh(x); }
};
struct Softplus : Module {
  double beta, threshold;
  explicit Softplus(double beta = 1, double threshold = 20) : beta(beta), threshold(threshold) {}
  Tensor forward(const Tensor& x) override { return softplus(x, beta, threshold); }
};
struct Softmax : Module {
  int64_t dim;
  explicit Softmax(int64_t dim = -1) : dim(dim) {}
  Tensor forward(const Tensor& x) override { return softmax(x, dim); }
};

}  // namespace gradus
