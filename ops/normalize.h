// Normalisation: x less its mean over its standard deviation, times a weight, plus a bias.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

// Weight and bias may be left out everywhere.  The variance in the divisor is the biased one, plus eps.

// (N,C) or (N,C,…): statistics per channel over everything else.
// training: the batch's own statistics; running_mean and running_var, where defined, move towards them by the factor
// `momentum` (the variance towards the unbiased one).  ShapeError unless a channel has more than one value.
// otherwise: the running statistics, which must be defined.
struct BatchNormOptions {
  bool training = true;
  double momentum = 0.1, eps = 1e-5;
};
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor running_mean, Tensor running_var,
                  const BatchNormOptions& options = {});

// Statistics over the last dimensions, whose extents are `normalized`; weight and bias have that shape.
Tensor layer_norm(const Tensor& x, const Shape& normalized, const Tensor& weight = Tensor(),
                  const Tensor& bias = Tensor(), double eps = 1e-5);

// (N,C,…): statistics per image and group of C / groups channels; weight and bias have one number per channel.
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight = Tensor(), const Tensor& bias = Tensor(),
                  double eps = 1e-5);

}  // namespace gradus
