#include "gradus/ops/pooling.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/pack.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/staging.h"
#include "gradus/ops/windows.h"

namespace gradus {
namespace {

// Calls f(plane) for every one of `planes` planes; a task takes as many as make it worth a thread's while.
template <class Fn> void each_plane(int64_t planes, int64_t elements, Fn f) {
  const int64_t group = std::max<int64_t>(1, task_elements / std::max<int64_t>(elements, 1));
  parallel_for((planes + group - 1) / group, [&](int64_t task) {
    for (int64_t p = task * group; p < std::min(planes, (task + 1) * group); ++p) f(p);
  });
}

int64_t planes_of(const Shape& s) { return s[0] * s[1]; }
int64_t area_of(const Shape& s) { return s[2] * s[3]; }
Shape with_area(const Shape& s, Size2 size) { return {s[0], s[1], size.height, size.width}; }

// ---- maximum ------------------------------------------------------------------------------------

// One row of outputs against one tap of the window: step is the stride, known at compile time where it is common.
template <int64_t fixed_step, class F>
void tap(const F* from, int64_t step, int32_t index, int64_t n, F* best, int32_t* where) {
  if (fixed_step) step = fixed_step;
  for (int64_t i = 0; i < n; ++i) {
    const F v = from[i * step], b = best[i];
    const bool better = !(v <= b) && b == b;  // larger or NaN, unless a NaN was found before
    best[i] = better ? v : b;
    where[i] = better ? index + int32_t(i * step) : where[i];
  }
}

// The common window, two by two and two apart, in packs: all four taps of an output at once, in the order of `tap`.
using Outputs = Num<float, pack_lanes<float> / 2>;
template <int first> Outputs every_second(Outputs a, Outputs b) {
  return [&]<int... i>(std::integer_sequence<int, i...>) {
    return Outputs::raw(__builtin_shufflevector(a.v, b.v, (2 * i + first)...));
  }(std::make_integer_sequence<int, Outputs::size>{});
}

void max_of_fours(const float* x, const Patches& p, float* y, int32_t* where) {
  using Places = Outputs::Index;
  const int64_t width = p.image.width, outputs = p.output.width;
  const Places steps[] = {0, 1, width, width + 1}, twice = iota<Places>(0) << 1;
  for (int64_t oy = 0; oy < p.output.height; ++oy, y += outputs, where += outputs)
    for (int64_t next = 0; next < outputs; next += Outputs::size) {
      const int64_t i = std::min(next, outputs - Outputs::size), pixel = 2 * (oy * width + i);
      const auto load = [&](int64_t from) { return Outputs::load(x + pixel + from); };
      const Outputs a = load(0), b = load(Outputs::size), c = load(width), d = load(width + Outputs::size);
      const Outputs taps[] = {every_second<0>(a, b), every_second<1>(a, b), every_second<0>(c, d),
                              every_second<1>(c, d)};
      Outputs best = taps[0];
      Places step = steps[0];
      for (int t = 1; t < 4; ++t) {
        const auto better = (!(taps[t] <= best)) & (best == best);
        best = select(better, taps[t], best);
        step = select(better, steps[t], step);
      }
      best.store(y + i);
      const Places at = step + twice + Places(pixel);
      std::memcpy(where + i, &at, sizeof at);
    }
}
bool in_fours(const Window& w) {
  return w.kernel == Size2(2) && w.stride == Size2(2) && w.padding == Size2(0) && w.dilation == Size2(1);
}

template <class F> void max_plane(const F* x, const Patches& p, F* y, int32_t* where) {
  if constexpr (std::is_same_v<F, float>)
    if (in_fours(p.window) && p.output.width >= Outputs::size) return max_of_fours(x, p, y, where);
  const auto& [kernel, stride, padding, dilation] = p.window;
  const auto run = stride.width == 1 ? tap<1, F> : stride.width == 2 ? tap<2, F> : tap<0, F>;
  for (int64_t oy = 0; oy < p.output.height; ++oy, y += p.output.width, where += p.output.width) {
    const int64_t top = oy * stride.height - padding.height, first_row = std::max<int64_t>(0, top);
    std::fill_n(y, p.output.width, -std::numeric_limits<F>::infinity());
    for (int64_t ox = 0; ox < p.output.width; ++ox)
      where[ox] = int32_t(first_row * p.image.width + std::max<int64_t>(0, ox * stride.width - padding.width));
    for (int64_t row = first_row; row < std::min(p.image.height, top + kernel.height); ++row)
      for (int64_t j = 0; j < kernel.width; ++j) {
        const int64_t x0 = j - padding.width;  // where this tap lies for the first output
        const int64_t first = x0 >= 0 ? 0 : (-x0 + stride.width - 1) / stride.width;
        const int64_t last = std::min(p.output.width, (p.image.width - 1 - x0 + stride.width) / stride.width);
        const int64_t pixel = row * p.image.width + x0 + first * stride.width;
        if (first < last) run(x + pixel, stride.width, int32_t(pixel), last - first, y + first, where + first);
      }
  }
}

// y[plane][i] = x[plane][where[plane][i]], and its adjoint: the two that gradients of a maximum are made of.
Tensor picked(const Tensor& x, const Tensor& where);
Tensor put_back(const Tensor& g, const Tensor& where, const Shape& shape);

// Every plane as a row.
Tensor by_plane(const Tensor& t) {
  const Shape shape = {planes_of(t.shape()), area_of(t.shape())};
  return dense(t).alias(shape, dense_strides(shape));
}

Tensor picked(const Tensor& x, const Tensor& where) {
  Tensor out(where.shape(), x.dtype(), x.device());
  const Tensor from = dense(x);
  const int64_t area = area_of(x.shape()), outputs = area_of(where.shape());
  if (Tensor rows = by_plane(out); !on_cpu(x)) device_gather("max_pool_pick", by_plane(x), 1, by_plane(where), rows);
  else
    visit_floating(x.dtype(), [&]<class F>(Type<F>) {
      F* to = out.mutable_data<F>();
      each_plane(planes_of(x.shape()), outputs, [&](int64_t p) {
        const int32_t* index = where.data<int32_t>() + p * outputs;
        for (int64_t i = 0; i < outputs; ++i) to[p * outputs + i] = from.data<F>()[p * area + index[i]];
      });
    });
  if (recording(x))
    record("max_pool_pick", out, {&x},
           [where, shape = x.shape()](const Tensor& g, Gradients& to) { to[0] = put_back(g, where, shape); });
  return out;
}

Tensor put_back(const Tensor& g, const Tensor& where, const Shape& shape) {
  Tensor out(shape, g.dtype(), g.device());
  const Tensor from = dense(g);
  const int64_t area = area_of(shape), outputs = area_of(where.shape());
  if (!on_cpu(g)) {
    fill_elements(out, 0);
    Tensor rows = by_plane(out);
    device_scatter("max_pool_backward", by_plane(g), 1, by_plane(where), rows);
  } else
    visit_floating(g.dtype(), [&]<class F>(Type<F>) {
      F* to = out.mutable_data<F>();
      each_plane(planes_of(shape), area, [&](int64_t p) {
        const int32_t* index = where.data<int32_t>() + p * outputs;
        std::fill_n(to + p * area, area, F(0));
        for (int64_t i = 0; i < outputs; ++i) to[p * area + index[i]] += from.data<F>()[p * outputs + i];
      });
    });
  if (recording(g))
    record("max_pool_backward", out, {&g}, [where](const Tensor& gg, Gradients& to) { to[0] = picked(gg, where); });
  return out;
}

struct Maxima {
  Tensor values, where;  // where in the plane
};

Maxima maxima_here(const Tensor& x, const Patches& p) {
  const Shape shape = with_area(x.shape(), p.output);
  Tensor out(shape, x.dtype()), where(shape, Dtype::int32);
  const Tensor from = dense(x);
  const int64_t area = area_of(x.shape()), outputs = area_of(shape);
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    F* y = out.mutable_data<F>();
    int32_t* index = where.mutable_data<int32_t>();
    each_plane(planes_of(shape), area, [&](int64_t plane) {
      max_plane(from.data<F>() + plane * area, p, y + plane * outputs, index + plane * outputs);
    });
  });
  return {out, where};
}

// The place in the plane of every tap of every window; of one in the padding, the nearest.  (1, H' W', taps)
Tensor places_of_taps(const Patches& p) {
  const auto& [kernel, stride, padding, dilation] = p.window;
  Tensor places({1, p.positions(), kernel.height * kernel.width}, Dtype::int64);
  int64_t* to = places.mutable_data<int64_t>();
  for (int64_t oy = 0; oy < p.output.height; ++oy)
    for (int64_t ox = 0; ox < p.output.width; ++ox)
      for (int64_t i = 0; i < kernel.height; ++i)
        for (int64_t j = 0; j < kernel.width; ++j) {
          const int64_t y = std::clamp<int64_t>(oy * stride.height - padding.height + i, 0, p.image.height - 1);
          const int64_t x = std::clamp<int64_t>(ox * stride.width - padding.width + j, 0, p.image.width - 1);
          *to++ = y * p.image.width + x;
        }
  return places;
}

Maxima maxima_there(const Tensor& x, const Patches& p) {
  const Shape shape = with_area(x.shape(), p.output);
  const Tensor seen = permute(windows(x, p, -std::numeric_limits<double>::infinity()), {0, 1, 4, 5, 2, 3});
  Shape wide = shape;
  wide.push_back(1), wide.push_back(1);
  const Tensor values = device_reduce("max_pool", Monoid::max, seen, wide), tap = device_find("max_pool", seen, values);
  const int64_t planes = planes_of(shape), taps = p.window.kernel.height * p.window.kernel.width;
  const Tensor places = expand(to(places_of_taps(p), x.device()), {planes, p.positions(), taps});
  Tensor where({planes, p.positions(), 1}, Dtype::int64, x.device());
  device_gather("max_pool", places, 2, tap.alias(where.shape(), where.strides()), where);
  return {values.alias(shape, dense_strides(shape)), where.alias(shape, dense_strides(shape))};
}

Tensor max_pooled(const char* op, const Tensor& x, const Patches& p) {
  const auto [out_value, where] = on_cpu(x) ? maxima_here(x, p) : maxima_there(x, p);
  Tensor out = out_value;
  if (recording(x))
    record(op, out, {&x},
           [where = where, shape = x.shape()](const Tensor& g, Gradients& to) { to[0] = put_back(g, where, shape); });
  return out;
}

// ---- mean ---------------------------------------------------------------------------------------

// Along one direction: which inputs each output covers, and what its sum is divided by.
struct Span1 {
  int64_t first, last;
  double divisor;
};
using Spans = std::vector<Span1>;

Spans window_spans(int64_t extent, int64_t outputs, int64_t kernel, int64_t stride, int64_t padding,
                   bool count_padding) {
  Spans spans;
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t start = o * stride - padding;
    const int64_t first = std::max<int64_t>(0, start), last = std::min(start + kernel, extent);
    spans.push_back({first, last, double(count_padding ? kernel : last - first)});
  }
  return spans;
}

Spans adaptive_spans(int64_t extent, int64_t outputs) {
  Spans spans;
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t first = o * extent / outputs, last = ((o + 1) * extent + outputs - 1) / outputs;
    spans.push_back({first, last, double(last - first)});
  }
  return spans;
}

template <class F> void mean_plane(const F* x, int64_t width, const Spans& down, const Spans& across, F* y) {
  for (const Span1& rows : down)
    for (const Span1& columns : across) {
      double sum = 0;
      for (int64_t r = rows.first; r < rows.last; ++r)
        for (int64_t c = columns.first; c < columns.last; ++c) sum += double(x[r * width + c]);
      *y++ = F(sum / (rows.divisor * columns.divisor));
    }
}

template <class F> void spread_plane(const F* g, int64_t width, const Spans& down, const Spans& across, F* x) {
  for (const Span1& rows : down)
    for (const Span1& columns : across) {
      const F share = F(double(*g++) / (rows.divisor * columns.divisor));
      for (int64_t r = rows.first; r < rows.last; ++r)
        for (int64_t c = columns.first; c < columns.last; ++c) x[r * width + c] += share;
    }
}

// The mean over each pair of spans, and its adjoint.
Tensor averaged(const char* op, const Tensor& x, const Spans& down, const Spans& across);
Tensor spread_back(const Tensor& g, Size2 image, const Spans& down, const Spans& across);

// Along one dimension, by rows that are gathered, so that what no span covers is not looked at.
Tensor averaged_along(const Tensor& x, int dim, const Spans& spans) {
  const int64_t extent = x.shape()[dim], outputs = int64_t(spans.size());
  int64_t longest = 0;
  for (const Span1& s : spans) longest = std::max(longest, s.last - s.first);
  std::vector<int64_t> rows;
  std::vector<double> shares;
  for (const Span1& s : spans) {
    for (int64_t k = 0; k < longest; ++k) rows.push_back(s.first + k < s.last ? s.first + k : extent);
    shares.push_back(1 / s.divisor);
  }
  std::vector<int64_t> amounts(size_t(2 * (x.rank() - dim)), 0);
  amounts.back() = 1;  // a row of zeros, for spans that are shorter
  Shape split = x.shape(), share = Shape::filled(x.rank(), 1);
  split[dim] = outputs, share[dim] = outputs;
  Shape apart = split;
  apart.push_back(0);
  for (int d = x.rank(); d > dim + 1; --d) apart[d] = apart[d - 1];
  apart[dim + 1] = longest;
  const Tensor chosen =
      index_select(pad(x, amounts, 0), dim, to(from_data(rows.data(), {outputs * longest}), x.device()));
  return mul(sum(reshape(chosen, apart), {dim + 1}),
             to(to(tensor(shares, share, Dtype::float64), x.dtype()), x.device()));
}

Tensor averaged(const char* op, const Tensor& x, const Spans& down, const Spans& across) {
  if (!on_cpu(x)) return averaged_along(averaged_along(x, 3, across), 2, down);
  Tensor out(with_area(x.shape(), {int64_t(down.size()), int64_t(across.size())}), x.dtype());
  const Tensor from = dense(x);
  const int64_t area = area_of(x.shape()), outputs = area_of(out.shape());
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    F* y = out.mutable_data<F>();
    each_plane(planes_of(x.shape()), area,
               [&](int64_t p) { mean_plane(from.data<F>() + p * area, x.shape()[3], down, across, y + p * outputs); });
  });
  if (recording(x))
    record(op, out, {&x},
           [image = Size2(x.shape()[2], x.shape()[3]), down = Spans(down), across = Spans(across)](
               const Tensor& g, Gradients& to) { to[0] = spread_back(g, image, down, across); });
  return out;
}

Tensor spread_back(const Tensor& g, Size2 image, const Spans& down, const Spans& across) {
  Tensor out(with_area(g.shape(), image), g.dtype());
  const Tensor from = dense(g);
  const int64_t area = area_of(out.shape()), outputs = area_of(g.shape());
  visit_floating(g.dtype(), [&]<class F>(Type<F>) {
    F* x = out.mutable_data<F>();
    each_plane(planes_of(g.shape()), area, [&](int64_t p) {
      std::fill_n(x + p * area, area, F(0));
      spread_plane(from.data<F>() + p * outputs, image.width, down, across, x + p * area);
    });
  });
  if (recording(g))
    record("avg_pool_backward", out, {&g},
           [down = Spans(down), across = Spans(across)](const Tensor& gg, Gradients& to) {
             to[0] = averaged("avg_pool", gg, down, across);
           });
  return out;
}

// ---- checks -------------------------------------------------------------------------------------

void check_input(const char* op, const Tensor& x, int rank) {
  check_alike(op, {{"input", &x}});
  if (x.rank() != rank)
    throw ShapeError(fmt::format("{}: input has shape {}, wanted {}; reshape it", op, text(x.shape()),
                                 rank == 4 ? "(N,C,H,W)" : "(N,C,L)"));
}

Patches pool_patches(const char* op, const Tensor& x, Size2 kernel, Size2 stride, Size2 padding) {
  const Window window = {
      kernel, {stride.height ? stride.height : kernel.height, stride.width ? stride.width : kernel.width}, padding, 1};
  const Size2 image = {x.shape()[2], x.shape()[3]};
  const Size2 output = output_size(op, image, window);
  if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width)
    throw ParamError(fmt::format("{}: padding {} is more than half the kernel {}; a window would see padding alone", op,
                                 text(padding), text(kernel)));
  return {1, image, output, window};
}

Patches max_patches(const char* op, const Tensor& x, Size2 kernel, Size2 stride, Size2 padding) {
  const Patches p = pool_patches(op, x, kernel, stride, padding);
  if (p.pixels() > std::numeric_limits<int32_t>::max())
    throw ShapeError(
        fmt::format("{}: input has shape {}, wanted fewer than 2^31 elements in a plane", op, text(x.shape())));
  return p;
}

Tensor avg_pooled(const char* op, const Tensor& x, const Patches& p, bool count_padding) {
  const auto& [kernel, stride, padding, dilation] = p.window;
  return averaged(
      op, x, window_spans(p.image.height, p.output.height, kernel.height, stride.height, padding.height, count_padding),
      window_spans(p.image.width, p.output.width, kernel.width, stride.width, padding.width, count_padding));
}

}  // namespace

Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& o) {
  check_input("max_pool2d", x, 4);
  return max_pooled("max_pool2d", x, max_patches("max_pool2d", x, kernel, o.stride, o.padding));
}

Tensor max_pool1d(const Tensor& x, int64_t kernel, const Pool1dOptions& o) {
  check_input("max_pool1d", x, 3);
  const Tensor image = unsqueeze(x, 2);
  return squeeze(
      max_pooled("max_pool1d", image, max_patches("max_pool1d", image, {1, kernel}, {1, o.stride}, {0, o.padding})), 2);
}

Tensor avg_pool2d(const Tensor& x, Size2 kernel, const AvgPool2dOptions& o) {
  check_input("avg_pool2d", x, 4);
  return avg_pooled("avg_pool2d", x, pool_patches("avg_pool2d", x, kernel, o.stride, o.padding), o.count_include_pad);
}

Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& o) {
  check_input("avg_pool1d", x, 3);
  const Tensor image = unsqueeze(x, 2);
  const Patches p = pool_patches("avg_pool1d", image, {1, kernel}, {1, o.stride}, {0, o.padding});
  return squeeze(avg_pooled("avg_pool1d", image, p, o.count_include_pad), 2);
}

Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output) {
  check_input("adaptive_avg_pool2d", x, 4);
  if (output.height < 1 || output.width < 1)
    throw ParamError(fmt::format("adaptive_avg_pool2d: output size is {}, wanted at least (1,1)", text(output)));
  if (area_of(x.shape()) == 0)
    throw ShapeError(
        fmt::format("adaptive_avg_pool2d: input has shape {}, wanted at least one row and column", text(x.shape())));
  return averaged("adaptive_avg_pool2d", x, adaptive_spans(x.shape()[2], output.height),
                  adaptive_spans(x.shape()[3], output.width));
}

}  // namespace gradus
