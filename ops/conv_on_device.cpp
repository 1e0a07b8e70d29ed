#include "gradus/ops/conv_on_device.h"

#include "gradus/autograd/node.h"
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

}  // namespace

Tensor convolve(const ConvForm& f, const Tensor& x, const Tensor& w, const Tensor& bias) {
  NoGrad quiet;
  return with_bias(reshape(matmul(weights(f, w), columns(f, x)), f.output_shape()), bias);
}

Tensor convolve_transposed(const ConvForm& f, const Tensor& g, const Tensor& w, const Tensor& bias) {
  NoGrad quiet;
  const Patches& p = f.patches;
  const Tensor seen = matmul(transpose(weights(f, w), -2, -1), outputs(f, g));
  const Shape shape = {f.images,        f.groups * p.channels, p.window.kernel.height, p.window.kernel.width,
                       p.output.height, p.output.width};
  return with_bias(windows_back(reshape(seen, shape), p), bias);
}

Tensor correlate(const ConvForm& f, const Tensor& x, const Tensor& g) {
  NoGrad quiet;
  const Tensor by_column = transpose(side_by_side(columns(f, x)), -2, -1);
  return reshape(matmul(side_by_side(outputs(f, g)), by_column), f.weight_shape());
}

}  // namespace gradus::on_device
