// The fully connected layer.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// x Wᵀ + b: (…,K) × weight (M,K) + bias (M), which may be left out -> (…,M).  One recorded node.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor());

}  // namespace gradus
