#include "gradus/ops/columns.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"

namespace gradus {
namespace {

// The output positions [first, last) at which one tap of the window, `offset` from its start, falls inside the image.
struct Range1 {
  int64_t first, last;
};
Range1 inside(int64_t offset, int64_t stride, int64_t extent, int64_t positions) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= extent ? 0 : (extent - 1 - offset) / stride + 1;
  return {std::min(first, positions), std::clamp(last, std::min(first, positions), positions)};
}

// Calls f(row of the matrix, output row, image row or -1, first column's offset, columns inside) for every run.
template <class Run> void each_run(const Patches& p, int64_t first, int64_t count, Run run) {
  const auto& [kernel, stride, padding, dilation] = p.window;
  int64_t row = 0;
  for (int64_t c = 0; c < p.channels; ++c)
    for (int64_t i = 0; i < kernel.height; ++i)
      for (int64_t j = 0; j < kernel.width; ++j, ++row) {
        const int64_t x0 = j * dilation.width - padding.width;
        const Range1 across = inside(x0, stride.width, p.image.width, p.output.width);
        for (int64_t oy = first; oy < first + count; ++oy) {
          const int64_t y = oy * stride.height - padding.height + i * dilation.height;
          const bool in = y >= 0 && y < p.image.height;
          run((row * count + oy - first) * p.output.width, (c * p.image.height + y) * p.image.width + x0,
              in ? across : Range1{0, 0});
        }
      }
}

}  // namespace

std::string text(Size2 size) { return fmt::format("({},{})", size.height, size.width); }

Size2 output_size(const char* op, Size2 image, const Window& w) {
  const auto check = [&](const char* name, Size2 value, int64_t least) {
    if (value.height < least || value.width < least)
      throw ParamError(fmt::format("{}: {} is {}, wanted at least {}", op, name, text(value), least));
  };
  check("kernel size", w.kernel, 1);
  check("stride", w.stride, 1);
  check("padding", w.padding, 0);
  check("dilation", w.dilation, 1);
  const Size2 reach = {w.dilation.height * (w.kernel.height - 1) + 1, w.dilation.width * (w.kernel.width - 1) + 1};
  const Size2 padded = {image.height + 2 * w.padding.height, image.width + 2 * w.padding.width};
  if (reach.height > padded.height || reach.width > padded.width)
    throw ShapeError(
        fmt::format("{}: the kernel covers {} but the padded input is {}, wanted an input at least as large; "
                    "add padding or use a smaller kernel",
                    op, text(reach), text(padded)));
  return {(padded.height - reach.height) / w.stride.height + 1, (padded.width - reach.width) / w.stride.width + 1};
}

template <class F> void columns_of(const F* image, const Patches& p, int64_t first, int64_t count, F* columns) {
  const int64_t width = p.output.width, stride = p.window.stride.width;
  each_run(p, first, count, [&](int64_t column, int64_t pixel, Range1 run) {
    F* to = columns + column;
    const F* from = image + pixel;
    std::fill_n(to, run.first, F(0));
    if (stride == 1) std::copy(from + run.first, from + run.last, to + run.first);
    else
      for (int64_t x = run.first; x < run.last; ++x) to[x] = from[x * stride];
    std::fill(to + run.last, to + width, F(0));
  });
}

template <class F> void add_columns(const F* columns, const Patches& p, int64_t first, int64_t count, F* image) {
  const int64_t stride = p.window.stride.width;
  each_run(p, first, count, [&](int64_t column, int64_t pixel, Range1 run) {
    const F* from = columns + column;
    F* to = image + pixel;
    if (stride == 1)
      for (int64_t x = run.first; x < run.last; ++x) to[x] += from[x];
    else
      for (int64_t x = run.first; x < run.last; ++x) to[x * stride] += from[x];
  });
}

template void columns_of(const float*, const Patches&, int64_t, int64_t, float*);
template void columns_of(const double*, const Patches&, int64_t, int64_t, double*);
template void add_columns(const float*, const Patches&, int64_t, int64_t, float*);
template void add_columns(const double*, const Patches&, int64_t, int64_t, double*);

}  // namespace gradus
