#include "gradus/ops/unfold.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/windows.h"

namespace gradus {
namespace {

Tensor folded(const Tensor& columns, const Patches& p);

// Below the graph.
Tensor columns_here(const Tensor& x, const Patches& p) {
  Tensor out({x.shape()[0], p.rows(), p.positions()}, x.dtype());
  const Tensor from = dense(x);
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    F* to = out.mutable_data<F>();
    parallel_for(x.shape()[0], [&](int64_t n) {
      columns_of(from.data<F>() + n * p.pixels(), p, 0, p.output.height, to + n * p.rows() * p.positions());
    });
  });
  return out;
}
Tensor image_here(const Tensor& columns, const Patches& p) {
  Tensor out({columns.shape()[0], p.channels, p.image.height, p.image.width}, columns.dtype());
  const Tensor from = dense(columns);
  visit_floating(columns.dtype(), [&]<class F>(Type<F>) {
    F* to = out.mutable_data<F>();
    parallel_for(columns.shape()[0], [&](int64_t n) {
      std::fill_n(to + n * p.pixels(), p.pixels(), F(0));
      add_columns(from.data<F>() + n * p.rows() * p.positions(), p, 0, p.output.height, to + n * p.pixels());
    });
  });
  return out;
}
Tensor image_there(const Tensor& columns, const Patches& p) {
  const auto& kernel = p.window.kernel;
  return windows_back(reshape(columns.detach(), {columns.shape()[0], p.channels, kernel.height, kernel.width,
                                                 p.output.height, p.output.width}),
                      p);
}

Tensor unfolded(const Tensor& x, const Patches& p) {
  const Shape shape = {x.shape()[0], p.rows(), p.positions()};
  Tensor out = on_cpu(x) ? columns_here(x, p) : dense(windows(x, p, 0)).alias(shape, dense_strides(shape));
  if (recording(x)) record("unfold", out, {&x}, [p](const Tensor& g, Gradients& to) { to[0] = folded(g, p); });
  return out;
}

Tensor folded(const Tensor& columns, const Patches& p) {
  Tensor out = on_cpu(columns) ? image_here(columns, p) : image_there(columns, p);
  if (recording(columns))
    record("fold", out, {&columns}, [p](const Tensor& g, Gradients& to) { to[0] = unfolded(g, p); });
  return out;
}

}  // namespace

Tensor unfold(const Tensor& x, Size2 kernel, const UnfoldOptions& o) {
  check_alike("unfold", {{"input", &x}});
  if (x.rank() != 4)
    throw ShapeError(fmt::format("unfold: input has shape {}, wanted (N,C,H,W); reshape it", text(x.shape())));
  const Window window = {kernel, o.stride, o.padding, o.dilation};
  const Size2 image = {x.shape()[2], x.shape()[3]};
  return unfolded(x, {x.shape()[1], image, output_size("unfold", image, window), window});
}

Tensor fold(const Tensor& columns, Size2 image, Size2 kernel, const UnfoldOptions& o) {
  check_alike("fold", {{"columns", &columns}});
  const Window window = {kernel, o.stride, o.padding, o.dilation};
  const Size2 output = output_size("fold", image, window);
  const int64_t taps = kernel.height * kernel.width, positions = output.height * output.width;
  if (columns.rank() != 3 || columns.shape()[1] % taps || columns.shape()[2] != positions)
    throw ShapeError(
        fmt::format("fold: columns have shape {}, wanted (N, a multiple of {}, {}) for image {} and kernel {}",
                    text(columns.shape()), taps, positions, text(image), text(kernel)));
  return folded(columns, {columns.shape()[1] / taps, image, output, window});
}

}  // namespace gradus
