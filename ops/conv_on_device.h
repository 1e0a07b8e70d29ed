// Convolutions on a device: products of matrices with the columns of the images.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/conv_form.h"

namespace gradus::on_device {

// conv(x, w) + bias, which may be undefined.  Below the graph, as the two others.
Tensor convolve(const ConvForm& form, const Tensor& x, const Tensor& w, const Tensor& bias);
// Its gradient in x, + bias.
Tensor convolve_transposed(const ConvForm& form, const Tensor& g, const Tensor& w, const Tensor& bias);
// Its gradient in w.
Tensor correlate(const ConvForm& form, const Tensor& x, const Tensor& g);

}  // namespace gradus::on_device
