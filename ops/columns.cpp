#include "gradus/ops/columns.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/core/pack.h"

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

// One tap of the window over some output rows: where its row of the matrix begins, the image's pixel that its first
// output would see, and the outputs, counted from those rows' first, at which it falls inside the image.
struct Tap {
  int64_t column, pixel;
  Range1 down, across;
};
template <class Visit> void each_tap(const Patches& p, int64_t first, int64_t count, Visit visit) {
  const auto& [kernel, stride, padding, dilation] = p.window;
  int64_t column = 0;
  for (int64_t c = 0; c < p.channels; ++c)
    for (int64_t i = 0; i < kernel.height; ++i)
      for (int64_t j = 0; j < kernel.width; ++j, column += count * p.output.width) {
        const int64_t y0 = first * stride.height + i * dilation.height - padding.height;
        const int64_t x0 = j * dilation.width - padding.width;
        visit(Tap{column, (c * p.image.height + y0) * p.image.width + x0,
                  inside(y0, stride.height, p.image.height, count),
                  inside(x0, stride.width, p.image.width, p.output.width)});
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

namespace {

// Runs are short: calling memmove or memset for each would cost more than the work.
template <class F, class Store> void in_packs(int64_t n, Store store) {
  constexpr int lanes = pack_lanes<F> / 2;
  int64_t x = 0;
  for (; x + lanes <= n; x += lanes) store.template operator()<Num<F, lanes>>(x);
  if (n >= lanes && x < n) return store.template operator()<Num<F, lanes>>(n - lanes);  // once more over some of them
  for (; x < n; ++x) store.template operator()<Num<F>>(x);
}
template <class F> void clear(F* to, int64_t n) {
  in_packs<F>(n, [&]<class V>(int64_t x) { V(0.0).store(to + x); });
}
template <class F> void copy(const F* from, int64_t n, F* to) {
  in_packs<F>(n, [&]<class V>(int64_t x) { V::load(from + x).store(to + x); });
}

template <class F> void add(const F* from, int64_t n, F* to) {
  using V = Num<F, pack_lanes<F> / 2>;
  int64_t x = 0;
  for (; x + V::size <= n; x += V::size) (V::load(to + x) + V::load(from + x)).store(to + x);
  for (; x < n; ++x) to[x] += from[x];
}

}  // namespace

template <class F> void columns_of(const F* image, const Patches& p, int64_t first, int64_t count, F* columns) {
  const int64_t width = p.output.width, stride = p.window.stride.width;
  each_tap(p, first, count, [&](const Tap& tap) {
    const int64_t n = tap.across.last - tap.across.first;
    if (n < width || tap.down.last - tap.down.first < count) clear(columns + tap.column, count * width);
    F* to = columns + tap.column + tap.down.first * width + tap.across.first;
    const int64_t down = p.window.stride.height * p.image.width;
    const F* from = image + tap.pixel + tap.down.first * down + tap.across.first * stride;
    for (int64_t y = tap.down.first; y < tap.down.last; ++y, to += width, from += down)
      if (stride == 1) copy(from, n, to);
      else
        for (int64_t x = 0; x < n; ++x) to[x] = from[x * stride];
  });
}

template <class F> void add_columns(const F* columns, const Patches& p, int64_t first, int64_t count, F* image) {
  const int64_t width = p.output.width, stride = p.window.stride.width;
  each_tap(p, first, count, [&](const Tap& tap) {
    const int64_t n = tap.across.last - tap.across.first, down = p.window.stride.height * p.image.width;
    const F* from = columns + tap.column + tap.down.first * width + tap.across.first;
    F* to = image + tap.pixel + tap.down.first * down + tap.across.first * stride;
    for (int64_t y = tap.down.first; y < tap.down.last; ++y, from += width, to += down)
      if (stride == 1) add(from, n, to);
      else
        for (int64_t x = 0; x < n; ++x) to[x * stride] += from[x];
  });
}

template void columns_of(const float*, const Patches&, int64_t, int64_t, float*);
template void columns_of(const double*, const Patches&, int64_t, int64_t, double*);
template void add_columns(const float*, const Patches&, int64_t, int64_t, float*);
template void add_columns(const double*, const Patches&, int64_t, int64_t, double*);

}  // namespace gradus
