// Activation functions, element by element.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

Tensor relu(const Tensor& x);  // max(x, 0); the slope at 0 is 0
Tensor leaky_relu(const Tensor& x,
                  double slope = 0.01);         // x where it is positive, else slope x; at 0 the slope is `slope`
Tensor elu(const Tensor& x, double alpha = 1);  // x where it is positive, else alpha (exp(x) - 1)
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);      // 1 / (1 + exp(-x))
Tensor log_sigmoid(const Tensor& x);  // log(sigmoid(x)), also where that is far below 0
Tensor silu(const Tensor& x);         // x sigmoid(x)

// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.  ParamError unless beta > 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);

// x times the normal distribution function of x: exact, or by the tanh that approximates it to 5e-4.
enum class Gelu { exact, tanh };
Tensor gelu(const Tensor& x, Gelu form = Gelu::exact);

}  // namespace gradus
