// Activation functions.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

Tensor relu(const Tensor& x);  // max(x, 0); the slope at 0 is 0

}  // namespace gradus
