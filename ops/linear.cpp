#include "gradus/ops/linear.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_alike("linear", {{"input", &x}, {"weight", &weight}, {"bias", &bias}});
  if (weight.rank() != 2)
    throw ShapeError(
        fmt::format("linear: weight has shape {}, wanted (out features, in features)", text(weight.shape())));
  if (x.rank() == 0 || x.shape().back() != weight.shape()[1])
    throw ShapeError(
        fmt::format("linear: weight has shape {} but input has shape {}, wanted {} features in its last dimension",
                    text(weight.shape()), text(x.shape()), weight.shape()[1]));
  if (bias.defined() && !(bias.shape() == Shape{weight.shape()[0]}))
    throw ShapeError(fmt::format("linear: bias has shape {} but weight has shape {}, wanted bias ({})",
                                 text(bias.shape()), text(weight.shape()), weight.shape()[0]));
}

// What backward hands on, below the graph and without the views that recorded ops are made of; to[2] is the bias's.
void plain_backward(const Tensor& x, const Tensor& weight, const Tensor& g, int64_t rows, bool biased, Gradients& to) {
  const Tensor by_row = dense(g), a = dense(x), w = dense(weight);
  const int64_t inputs = w.shape()[1], outputs = w.shape()[0];
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    if (to.wants(0)) {
      to[0] = Tensor::empty_like(a);
      gemm<F>(rows, inputs, outputs, {by_row.bytes(), outputs, 1}, {w.bytes(), inputs, 1}, to[0].mutable_data<F>(),
              inputs);
    }
    if (to.wants(1)) {
      to[1] = Tensor::empty_like(w);
      gemm<F>(outputs, inputs, rows, {by_row.bytes(), 1, outputs}, {a.bytes(), inputs, 1}, to[1].mutable_data<F>(),
              inputs);
    }
    if (biased && to.wants(2)) {
      if (rows == 1) {
        to[2] = Tensor({outputs}, by_row.dtype());
        std::copy_n(by_row.data<F>(), outputs, to[2].mutable_data<F>());
      } else {
        to[2] = sum(by_row.rank() == 2 ? by_row : reshape(by_row, {rows, outputs}), {0});
      }
    }
  });
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x, weight, bias);
  const int64_t inputs = weight.shape()[1], outputs = weight.shape()[0];
  int64_t rows = 1;
  for (int d = 0; d + 1 < x.rank(); ++d) rows *= x.shape()[d];
  Shape shape = x.shape();
  shape[x.rank() - 1] = outputs;
  Tensor out(shape, x.dtype(), x.device());
  const Tensor a = dense(x), w = dense(weight), b = bias.defined() ? dense(bias) : Tensor();
  if (on_cpu(x)) {
    visit_floating(x.dtype(), [&]<class F>(Type<F>) {
      F* y = out.mutable_data<F>();
      if (b.defined())
        for (int64_t r = 0; r < rows; ++r) std::copy_n(b.data<F>(), outputs, y + r * outputs);
      gemm<F>(rows, outputs, inputs, {a.bytes(), inputs, 1}, {w.bytes(), 1, inputs}, y, outputs, b.defined());
    });
  } else {
    Tensor by_row = out.alias({rows, outputs}, {outputs, 1});
    device_multiply("linear", a.alias({rows, inputs}, {inputs, 1}), w.alias({inputs, outputs}, {1, inputs}), b, by_row);
  }
  const bool biased = bias.defined();
  if (recording(x, weight) || (biased && recording(bias))) {
    const Tensor* operands[] = {&x, &weight, &bias};
    record("linear", out, operands, biased ? 3 : 2,
           [x = Saved(x), weight = Saved(weight), rows, inputs, outputs, biased](const Tensor& g, Gradients& to) {
             if (on_cpu(g) && !recording(g, x(), weight())) return plain_backward(x(), weight(), g, rows, biased, to);
             const Tensor by_row = reshape(g, {rows, outputs});
             if (to.wants(0)) to[0] = reshape(matmul(by_row, weight()), x().shape());
             if (to.wants(1)) to[1] = matmul(transpose(by_row, 0, 1), reshape(x(), {rows, inputs}));
             if (biased && to.wants(2)) to[2] = sum(by_row, {0});
           });
  }
  return out;
}

}  // namespace gradus
