#include "gradus/ops/conv_on_device.h"

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/windows.h"

namespace gradus::on_device {
namespace {

// The columns of all images, (images, groups, rows, positions).
Tensor columns(const ConvForm& f, const Tensor& x) {
  const Tensor seen = dense(windows(x, f.patches, 0));
  const Shape shape = {f.images, f.groups, f.patches.rows(), f.patches.positions()};
  return seen.alias(shape, dense_strides(shape));
}
Tensor outputs(const ConvForm& f, const Tensor& g) {
  return reshape(g.detach(), {f.images, f.groups, f.filters, f.patches.positions()});
}
Tensor weights(const ConvForm& f, const Tensor& w) {
  return reshape(w.detach(), {1, f.groups, f.filters, f.patches.rows()});
}
Tensor with_bias(const Tensor& t, const Tensor& bias) {
  return bias.defined() ? add(t, reshape(bias.detach(), {-1, 1, 1})) : t;
}
// (images, groups, n, positions) as (groups, n, images * positions): the images of a batch side by side.
Tensor side_by_side(const Tensor& t) {
  return reshape(permute(t, {1, 2, 0, 3}), {t.shape()[1], t.shape()[2], t.shape()[0] * t.shape()[3]});
}

using Wanted = ConvolutionCall::Wanted;

// By a library of the device, where it has one that takes this form.
bool by_library(const ConvForm& f, Wanted wanted, const Tensor& x, const Tensor& w, const Tensor& y) {
  ConvolutionCall call;
  call.wanted = wanted;
  const Patches& p = f.patches;
  call.images = f.images, call.groups = f.groups, call.channels = p.channels, call.filters = f.filters;
  const auto set = [](int64_t(&to)[2], Size2 from) { to[0] = from.height, to[1] = from.width; };
  set(call.image, p.image), set(call.output, p.output);
  set(call.kernel, p.window.kernel), set(call.stride, p.window.stride);
  set(call.padding, p.window.padding), set(call.dilation, p.window.dilation);
  const bool empty = !x.numel() || !w.numel() || !y.numel();
  return !empty && device_convolve("conv2d", call, x, w, y);
}
Tensor room_for(const Shape& shape, const Tensor& like) { return Tensor(shape, like.dtype(), like.device()); }

}  // namespace

Tensor convolve(const ConvForm& f, const Tensor& x, const Tensor& w, const Tensor& bias) {
  NoGrad quiet;
  const Tensor y = room_for(f.output_shape(), x);
  if (by_library(f, Wanted::output, dense(x.detach()), dense(w.detach()), y)) return with_bias(y, bias);
  return with_bias(reshape(matmul(weights(f, w), columns(f, x)), f.output_shape()), bias);
}

Tensor convolve_transposed(const ConvForm& f, const Tensor& g, const Tensor& w, const Tensor& bias) {
  NoGrad quiet;
  const Tensor x = room_for(f.input_shape(), g);
  if (by_library(f, Wanted::input, x, dense(w.detach()), dense(g.detach()))) return with_bias(x, bias);
  const Patches& p = f.patches;
  const Tensor seen = matmul(transpose(weights(f, w), -2, -1), outputs(f, g));
  const Shape shape = {f.images,        f.groups * p.channels, p.window.kernel.height, p.window.kernel.width,
                       p.output.height, p.output.width};
  return with_bias(windows_back(reshape(seen, shape), p), bias);
}

Tensor correlate(const ConvForm& f, const Tensor& x, const Tensor& g) {
  NoGrad quiet;
  const Tensor w = room_for(f.weight_shape(), x);
  if (by_library(f, Wanted::weight, dense(x.detach()), w, dense(g.detach()))) return w;
  const Tensor by_column = transpose(side_by_side(columns(f, x)), -2, -1);
  return reshape(matmul(side_by_side(outputs(f, g)), by_column), f.weight_shape());
}

}  // namespace gradus::on_device
