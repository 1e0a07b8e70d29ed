#include "gradus/ops/interpolate.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/index.h"
#include "gradus/ops/operands.h"

namespace gradus {
namespace {

// The two inputs that one output mixes along one direction: (1 - share) x[first] + share x[second].
struct Mix {
  int64_t first, second;
  double share;
};
using Mixes = std::vector<Mix>;

Mixes nearest(int64_t extent, int64_t outputs) {
  Mixes mixes;
  for (int64_t o = 0; o < outputs; ++o) mixes.push_back({o * extent / outputs, o * extent / outputs, 0});
  return mixes;
}

Mixes linear_mixes(int64_t extent, int64_t outputs, bool align_corners) {
  const double step = !align_corners ? double(extent) / double(outputs)
                      : outputs > 1  ? double(extent - 1) / double(outputs - 1)
                                     : 0;
  Mixes mixes;
  for (int64_t o = 0; o < outputs; ++o) {
    const double at = align_corners ? double(o) * step : std::max(0.0, (double(o) + 0.5) * step - 0.5);
    const int64_t first = std::min(int64_t(at), extent - 1), second = std::min(first + 1, extent - 1);
    mixes.push_back({first, second, first == second ? 0 : at - double(first)});
  }
  return mixes;
}

// A pixel whose share is 0 is not looked at: it may be infinite.
template <class F> F mixed(F a, F b, F share) { return share == F(0) ? a : (F(1) - share) * a + share * b; }

template <class F> void resize(const F* x, int64_t width, const Mixes& down, const Mixes& across, F* y) {
  for (const Mix& v : down) {
    const F *top = x + v.first * width, *bottom = x + v.second * width;
    for (const Mix& h : across)
      *y++ = mixed(mixed(top[h.first], top[h.second], F(h.share)), mixed(bottom[h.first], bottom[h.second], F(h.share)),
                   F(v.share));
  }
}

template <class F> void resize_adjoint(const F* g, int64_t width, const Mixes& down, const Mixes& across, F* x) {
  for (const Mix& v : down) {
    F *top = x + v.first * width, *bottom = x + v.second * width;
    for (const Mix& h : across) {
      const F upper = (F(1) - F(v.share)) * *g, lower = F(v.share) * *g++;
      top[h.first] += (F(1) - F(h.share)) * upper;
      top[h.second] += F(h.share) * upper;
      bottom[h.first] += (F(1) - F(h.share)) * lower;
      bottom[h.second] += F(h.share) * lower;
    }
  }
}

Tensor resized_adjoint(const Tensor& g, Size2 image, const Mixes& down, const Mixes& across);

// Along one dimension, as recorded ops.
Tensor mixed_along(const Tensor& x, int dim, const Mixes& mixes) {
  std::vector<int64_t> firsts, seconds;
  std::vector<double> shares;
  for (const Mix& m : mixes) firsts.push_back(m.first), seconds.push_back(m.second), shares.push_back(m.share);
  const auto there = [&](const Tensor& t) { return to(t, x.device()); };
  const auto chosen = [&](const std::vector<int64_t>& rows) {
    return index_select(x, dim, there(from_data(rows.data(), {int64_t(rows.size())})));
  };
  if (std::all_of(shares.begin(), shares.end(), [](double s) { return s == 0; })) return chosen(firsts);
  Shape shape = Shape::filled(x.rank(), 1);
  shape[dim] = int64_t(shares.size());
  const Tensor share = there(to(tensor(shares, shape, Dtype::float64), x.dtype())), a = chosen(firsts);
  return where(eq(share, 0), a, add(mul(shifted(neg(share), 1), a), mul(share, chosen(seconds))));
}

Tensor resized(const Tensor& x, const Mixes& down, const Mixes& across) {
  if (!on_cpu(x)) return mixed_along(mixed_along(x, 3, across), 2, down);
  const Shape& s = x.shape();
  Tensor out({s[0], s[1], int64_t(down.size()), int64_t(across.size())}, x.dtype());
  const Tensor from = dense(x);
  const int64_t area = s[2] * s[3], outputs = int64_t(down.size() * across.size());
  visit_floating(x.dtype(), [&]<class F>(Type<F>) {
    F* y = out.mutable_data<F>();
    parallel_for(s[0] * s[1],
                 [&](int64_t p) { resize(from.data<F>() + p * area, s[3], down, across, y + p * outputs); });
  });
  if (recording(x))
    record("interpolate", out, {&x},
           [image = Size2(s[2], s[3]), down = Mixes(down), across = Mixes(across)](const Tensor& g, Gradients& to) {
             to[0] = resized_adjoint(g, image, down, across);
           });
  return out;
}

Tensor resized_adjoint(const Tensor& g, Size2 image, const Mixes& down, const Mixes& across) {
  const Shape& s = g.shape();
  Tensor out({s[0], s[1], image.height, image.width}, g.dtype());
  const Tensor from = dense(g);
  const int64_t area = image.height * image.width, outputs = s[2] * s[3];
  visit_floating(g.dtype(), [&]<class F>(Type<F>) {
    F* x = out.mutable_data<F>();
    parallel_for(s[0] * s[1], [&](int64_t p) {
      std::fill_n(x + p * area, area, F(0));
      resize_adjoint(from.data<F>() + p * outputs, image.width, down, across, x + p * area);
    });
  });
  if (recording(g))
    record("interpolate_backward", out, {&g},
           [down = Mixes(down), across = Mixes(across)](const Tensor& gg, Gradients& to) {
             to[0] = resized(gg, down, across);
           });
  return out;
}

}  // namespace

Tensor interpolate(const Tensor& x, Size2 size, Interpolation mode, bool align_corners) {
  check_alike("interpolate", {{"input", &x}});
  if (x.rank() != 4)
    throw ShapeError(fmt::format("interpolate: input has shape {}, wanted (N,C,H,W); reshape it", text(x.shape())));
  if (size.height < 1 || size.width < 1)
    throw ParamError(fmt::format("interpolate: size is {}, wanted at least (1,1)", text(size)));
  const int64_t height = x.shape()[2], width = x.shape()[3];
  if (height == 0 || width == 0)
    throw ShapeError(
        fmt::format("interpolate: input has shape {}, wanted at least one row and column", text(x.shape())));
  if (mode == Interpolation::nearest) {
    if (align_corners) throw ParamError("interpolate: align_corners is set for nearest, wanted it with bilinear only");
    return resized(x, nearest(height, size.height), nearest(width, size.width));
  }
  return resized(x, linear_mixes(height, size.height, align_corners), linear_mixes(width, size.width, align_corners));
}

}  // namespace gradus
