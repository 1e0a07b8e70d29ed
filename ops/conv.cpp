// Everything here is one trilinear form, Σ g · conv(x, w): convolving is its gradient in g, transposed convolution its
// gradient in x, correlation its gradient in w.  Each is the backward of the others, to any order.
#include "gradus/ops/conv.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/conv_on_device.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

// The work on one image and group, cut into blocks of output rows whose columns stay in the second-level cache.
template <class F> struct Blocks {
  static constexpr int64_t most_bytes = 256 << 10;
  const Patches& patches;
  int64_t height;  // output rows a block

  explicit Blocks(const Patches& p) : patches(p) {
    const int64_t row_bytes = std::max<int64_t>(1, p.rows() * p.output.width * int64_t(sizeof(F)));
    height = p.trivial() ? p.output.height : std::max<int64_t>(1, std::min(p.output.height, most_bytes / row_bytes));
  }
  int64_t count() const { return (patches.output.height + height - 1) / height; }
  int64_t first_row(int64_t block) const { return block * height; }
  int64_t rows(int64_t block) const { return std::min(height, patches.output.height - first_row(block)); }
  int64_t positions(int64_t block) const { return rows(block) * patches.output.width; }
  int64_t offset(int64_t block) const { return first_row(block) * patches.output.width; }
  size_t scratch_bytes() const {
    return patches.trivial() ? 0 : size_t(patches.rows() * height * patches.output.width) * sizeof(F);
  }
};

// g = conv(x, w), on top of the bias that each channel begins with.
template <class F> void convolve(const ConvForm& form, const F* x, const F* w, const F* bias, F* g) {
  const Patches& p = form.patches;
  const Blocks<F> blocks(p);
  const int64_t positions = p.positions(), rows = p.rows(), parts = form.images * form.groups;
  parallel_for(parts * blocks.count(), [&](int64_t task) {
    const int64_t part = task / blocks.count(), block = task % blocks.count(), group = part % form.groups;
    const int64_t width = blocks.positions(block);
    const Scratch scratch(blocks.scratch_bytes());
    const F* columns = x + part * p.pixels();
    if (!p.trivial()) {
      columns_of(columns, p, blocks.first_row(block), blocks.rows(block), scratch.as<F>());
      columns = scratch.as<F>();
    }
    F* to = g + part * form.filters * positions + blocks.offset(block);
    if (bias)
      for (int64_t o = 0; o < form.filters; ++o) std::fill_n(to + o * positions, width, bias[group * form.filters + o]);
    gemm<F>(form.filters, width, rows, {w + group * form.filters * rows, rows, 1}, {columns, width, 1}, to, positions,
            bias);
  });
}

// x = the adjoint of convolve applied to g.
template <class F> void convolve_transposed(const ConvForm& form, const F* g, const F* w, const F* bias, F* x) {
  const Patches& p = form.patches;
  const Blocks<F> blocks(p);
  const int64_t positions = p.positions(), rows = p.rows(), area = p.image.height * p.image.width;
  parallel_for(form.images * form.groups, [&](int64_t part) {
    const int64_t group = part % form.groups;
    const Scratch scratch(blocks.scratch_bytes());
    F* to = x + part * p.pixels();
    for (int64_t c = 0; c < p.channels; ++c)
      std::fill_n(to + c * area, area, bias ? bias[group * p.channels + c] : F(0));
    const Matrix filters = {w + group * form.filters * rows, 1, rows};
    for (int64_t block = 0; block < blocks.count(); ++block) {
      const int64_t width = blocks.positions(block);
      const Matrix from = {g + part * form.filters * positions + blocks.offset(block), positions, 1};
      if (p.trivial()) {
        gemm<F>(rows, width, form.filters, filters, from, to, positions, true);
      } else {
        gemm<F>(rows, width, form.filters, filters, from, scratch.as<F>(), width);
        add_columns(scratch.as<F>(), p, blocks.first_row(block), blocks.rows(block), to);
      }
    }
  });
}

// w = Σ over images and positions of g times the patch of x.  Images are added in batches fixed by the shape, which
// join in order.
template <class F> void correlate(const ConvForm& form, const F* x, const F* g, F* w) {
  constexpr int64_t most_batches = 16, most_elements = 1 << 22;
  const Patches& p = form.patches;
  const Blocks<F> blocks(p);
  const int64_t positions = p.positions(), rows = p.rows(), size = form.groups * form.filters * rows;
  const int64_t wanted = std::clamp<int64_t>(most_elements / std::max<int64_t>(size, 1), 1, most_batches);
  const int64_t batch = std::max<int64_t>(1, (form.images + wanted - 1) / wanted),
                batches = (form.images + batch - 1) / batch;
  const Scratch sums(size_t(batches * size) * sizeof(F));
  parallel_for(batches * form.groups, [&](int64_t task) {
    const int64_t b = task / form.groups, group = task % form.groups;
    const Scratch scratch(blocks.scratch_bytes());
    F* sum = sums.as<F>() + b * size + group * form.filters * rows;
    std::fill_n(sum, form.filters * rows, F(0));
    for (int64_t image = b * batch; image < std::min(form.images, (b + 1) * batch); ++image)
      for (int64_t block = 0; block < blocks.count(); ++block) {
        const int64_t part = image * form.groups + group, width = blocks.positions(block);
        const F* columns = x + part * p.pixels();
        if (!p.trivial()) {
          columns_of(columns, p, blocks.first_row(block), blocks.rows(block), scratch.as<F>());
          columns = scratch.as<F>();
        }
        const Matrix from = {g + part * form.filters * positions + blocks.offset(block), positions, 1};
        gemm<F>(form.filters, rows, width, from, {columns, 1, width}, sum, rows, true);
      }
  });
  std::fill_n(w, size, F(0));
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t i = 0; i < size; ++i) w[i] += sums.as<F>()[b * size + i];
}

// ---- the three as recorded ops ------------------------------------------------------------------

Tensor convolved(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvForm& form);
Tensor transposed(const char* op, const Tensor& g, const Tensor& w, const Tensor& bias, const ConvForm& form);
Tensor correlated(const Tensor& x, const Tensor& g, const ConvForm& form);

bool recording_any(const Tensor& a, const Tensor& b, const Tensor& bias) {
  return recording(a, b) || (bias.defined() && recording(bias));
}

// Below the graph.
Tensor convolved_value(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvForm& form) {
  if (!on_cpu(x)) return on_device::convolve(form, x, w, bias);
  Tensor out(form.output_shape(), x.dtype());
  const Tensor xd = dense(x), wd = dense(w), bd = bias.defined() ? dense(bias) : Tensor();
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    convolve<F>(form, xd.data<F>(), wd.data<F>(), bd.defined() ? bd.data<F>() : nullptr, out.mutable_data<F>());
  });
  return out;
}
Tensor transposed_value(const Tensor& g, const Tensor& w, const Tensor& bias, const ConvForm& form) {
  if (!on_cpu(g)) return on_device::convolve_transposed(form, g, w, bias);
  Tensor out(form.input_shape(), g.dtype());
  const Tensor gd = dense(g), wd = dense(w), bd = bias.defined() ? dense(bias) : Tensor();
  visit_floating(g.dtype(), [&]<class F>(Type<F>) {
    convolve_transposed<F>(form, gd.data<F>(), wd.data<F>(), bd.defined() ? bd.data<F>() : nullptr,
                           out.mutable_data<F>());
  });
  return out;
}
Tensor correlated_value(const Tensor& x, const Tensor& g, const ConvForm& form) {
  if (!on_cpu(x)) return on_device::correlate(form, x, g);
  Tensor out(form.weight_shape(), x.dtype());
  const Tensor xd = dense(x), gd = dense(g);
  visit_floating(x.dtype(),
                 [&]<class F>(Type<F>) { correlate<F>(form, xd.data<F>(), gd.data<F>(), out.mutable_data<F>()); });
  return out;
}

Tensor convolved(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvForm& form) {
  Tensor out = convolved_value(x, w, bias, form);
  if (recording_any(x, w, bias)) {
    const Tensor* inputs[] = {&x, &w, &bias};
    const bool biased = bias.defined();
    record(op, out, inputs, biased ? 3 : 2, [x = Saved(x), w = Saved(w), form, biased](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = transposed("conv_input_gradient", g, w(), Tensor(), form);
      if (to.wants(1)) to[1] = correlated(x(), g, form);
      if (biased && to.wants(2)) to[2] = sum(g, {0, 2, 3});
    });
  }
  return out;
}

Tensor transposed(const char* op, const Tensor& g, const Tensor& w, const Tensor& bias, const ConvForm& form) {
  Tensor out = transposed_value(g, w, bias, form);
  if (recording_any(g, w, bias)) {
    const Tensor* inputs[] = {&g, &w, &bias};
    const bool biased = bias.defined();
    record(op, out, inputs, biased ? 3 : 2,
           [g = Saved(g), w = Saved(w), form, biased](const Tensor& gg, Gradients& to) {
             if (to.wants(0)) to[0] = convolved("conv_transpose_input_gradient", gg, w(), Tensor(), form);
             if (to.wants(1)) to[1] = correlated(gg, g(), form);
             if (biased && to.wants(2)) to[2] = sum(gg, {0, 2, 3});
           });
  }
  return out;
}

Tensor correlated(const Tensor& x, const Tensor& g, const ConvForm& form) {
  Tensor out = correlated_value(x, g, form);
  if (recording(x, g))
    record("conv_weight_gradient", out, {&x, &g}, [x = Saved(x), g = Saved(g), form](const Tensor& gg, Gradients& to) {
      if (to.wants(0)) to[0] = transposed("conv_input_gradient", g(), gg, Tensor(), form);
      if (to.wants(1)) to[1] = convolved("conv_output_gradient", x(), gg, Tensor(), form);
    });
  return out;
}

// ---- checks -------------------------------------------------------------------------------------

void check_ranks(const char* op, const Tensor& x, const Tensor& weight, int rank) {
  const char* wanted_input = rank == 4 ? "(N,C,H,W)" : "(N,C,L)";
  if (x.rank() != rank)
    throw ShapeError(fmt::format("{}: input has shape {}, wanted {}; reshape it", op, text(x.shape()), wanted_input));
  if (weight.rank() != rank)
    throw ShapeError(fmt::format("{}: weight has shape {}, wanted {} dimensions", op, text(weight.shape()), rank));
}

// `divided` channels are shared out over the groups.
void check_groups(const char* op, int64_t groups, const char* divided, int64_t channels) {
  if (groups < 1) throw ParamError(fmt::format("{}: groups is {}, wanted at least 1", op, groups));
  if (channels % groups)
    throw ShapeError(fmt::format("{}: {} {} channels do not divide into {} groups; choose a divisor", op, channels,
                                 divided, groups));
}

void check_bias(const char* op, const Tensor& bias, int64_t channels) {
  if (bias.defined() && !(bias.shape() == Shape{channels}))
    throw ShapeError(
        fmt::format("{}: bias has shape {}, wanted ({}), one per output channel", op, text(bias.shape()), channels));
}

void check_conv(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, int rank) {
  check_alike(op, {{"input", &x}, {"weight", &weight}, {"bias", &bias}});
  check_ranks(op, x, weight, rank);
  const Shape &xs = x.shape(), &ws = weight.shape();
  check_groups(op, groups, "output", ws[0]);
  if (xs[1] != ws[1] * groups)
    throw ShapeError(
        fmt::format("{}: input has shape {} but weight has shape {}, wanted {} input channels: {} in each of {} groups",
                    op, text(xs), text(ws), ws[1] * groups, ws[1], groups));
  check_bias(op, bias, ws[0]);
}

ConvForm conv_form(const char* op, const Tensor& x, const Tensor& weight, const Conv2dOptions& o) {
  const Shape &xs = x.shape(), &ws = weight.shape();
  const Window window = {{ws[2], ws[3]}, o.stride, o.padding, o.dilation};
  const Size2 image = {xs[2], xs[3]};
  return {xs[0], o.groups, ws[0] / o.groups, {ws[1], image, output_size(op, image, window), window}};
}

ConvForm transpose_form(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& o) {
  const Shape &xs = x.shape(), &ws = weight.shape();
  check_groups(op, o.groups, "input", ws[0]);
  if (xs[1] != ws[0])
    throw ShapeError(fmt::format("{}: weight has shape {} but input has shape {}, wanted {} input channels", op,
                                 text(ws), text(xs), ws[0]));
  check_bias(op, bias, ws[1] * o.groups);
  const auto extent = [](int64_t n, int64_t k, int64_t s, int64_t p, int64_t d, int64_t extra) {
    return (n - 1) * s - 2 * p + d * (k - 1) + extra + 1;
  };
  const Window window = {{ws[2], ws[3]}, o.stride, o.padding, o.dilation};
  const Size2 image = {
      extent(xs[2], ws[2], o.stride.height, o.padding.height, o.dilation.height, o.output_padding.height),
      extent(xs[3], ws[3], o.stride.width, o.padding.width, o.dilation.width, o.output_padding.width)};
  const auto bad = [](int64_t extra, int64_t stride, int64_t dilation) {
    return extra < 0 || extra >= std::max(stride, dilation);
  };
  if (bad(o.output_padding.height, o.stride.height, o.dilation.height) ||
      bad(o.output_padding.width, o.stride.width, o.dilation.width))
    throw ParamError(
        fmt::format("{}: output padding {} with stride {} and dilation {}, wanted it smaller than one of them", op,
                    text(o.output_padding), text(o.stride), text(o.dilation)));
  if (image.height < 1 || image.width < 1)
    throw ShapeError(
        fmt::format("{}: the output would be {}, wanted at least (1,1); use less padding", op, text(image)));
  output_size(op, image, window);  // checks the window
  return {xs[0], o.groups, ws[0] / o.groups, {ws[1], image, {xs[2], xs[3]}, window}};
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  check_conv("conv2d", x, weight, bias, options.groups, 4);
  return convolved("conv2d", x, weight, bias, conv_form("conv2d", x, weight, options));
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& o) {
  check_conv("conv1d", x, weight, bias, o.groups, 3);
  const Tensor image = unsqueeze(x, 2), kernel = unsqueeze(weight, 2);
  const Conv2dOptions options = {{1, o.stride}, {0, o.padding}, {1, o.dilation}, o.groups};
  return squeeze(convolved("conv1d", image, kernel, bias, conv_form("conv1d", image, kernel, options)), 2);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& options) {
  check_alike("conv_transpose2d", {{"input", &x}, {"weight", &weight}, {"bias", &bias}});
  check_ranks("conv_transpose2d", x, weight, 4);
  return transposed("conv_transpose2d", x, weight, bias, transpose_form("conv_transpose2d", x, weight, bias, options));
}

}  // namespace gradus
