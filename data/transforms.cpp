#include "gradus/data/transforms.h"

#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

void check_features(const char* op, const Tensor& x) {
  if (!computes(x.dtype()))
    throw DtypeError(fmt::format("{}: got {}, wanted float32 or float64; convert it with to()", op, describe(x)));
  if (x.rank() < 1 || x.shape()[0] < 1)
    throw ShapeError(fmt::format("{}: features have shape {}, wanted (N,...) with a sample", op, text(x.shape())));
}

void check_images(const char* op, const Tensor& x) {
  if (!computes(x.dtype()))
    throw DtypeError(fmt::format("{}: got {}, wanted float32 or float64; convert it with to()", op, describe(x)));
  if (x.rank() != 4)
    throw ShapeError(
        fmt::format("{}: images have shape {}, wanted (N,channels,H,W); reshape them", op, text(x.shape())));
}

// low + (x - least) / (most - least) …: a feature that never changes has nothing to be divided by.
Tensor or_one(const Tensor& range) { return where(range == 0, 1, range); }

// Fills pixel (y, x) of each channel of image i with pixel(i, channel's first element, y, x).
template <class PixelOf> Tensor each_pixel(const Tensor& images, Size2 size, PixelOf pixel) {
  const Tensor from = dense(images);
  const Shape& s = from.shape();
  Tensor out({s[0], s[1], size.height, size.width}, from.dtype());
  visit_floating(from.dtype(), [&]<class F>(Type<F>) {
    const F* in = from.data<F>();
    F* to = out.mutable_data<F>();
    parallel_for(s[0] * s[1], [&](int64_t channel) {
      for (int64_t y = 0; y < size.height; ++y)
        for (int64_t x = 0; x < size.width; ++x)
          to[(channel * size.height + y) * size.width + x] = F(pixel(channel / s[1], in + channel * s[2] * s[3], y, x));
    });
  });
  return out;
}

// The pixels of a channel, 0 around them.
struct Canvas {
  int64_t height, width;
  template <class F> double operator()(const F* channel, int64_t y, int64_t x) const {
    return y < 0 || y >= height || x < 0 || x >= width ? 0 : double(channel[y * width + x]);
  }
};
Canvas canvas_of(const Tensor& images) { return {images.shape()[2], images.shape()[3]}; }
Size2 size_of(const Tensor& images) { return {images.shape()[2], images.shape()[3]}; }

std::vector<int64_t> integers(int64_t n, int64_t low, int64_t high, Generator& generator) {
  std::vector<int64_t> all(static_cast<size_t>(n));
  fill_integers(all.data(), n, low, high + 1, generator);
  return all;
}

}  // namespace

Tensor Rescaling::operator()(const Tensor& features) const {
  const NoGrad quiet;
  return features * scale + shift;
}

Rescaling standardisation(const Tensor& features) {
  check_features("standardisation", features);
  const NoGrad quiet;
  const Tensor scale = 1.0 / or_one(std(features, {0}, false, 0));
  return {scale, -(mean(features, {0}) * scale)};
}

Rescaling min_max_scaling(const Tensor& features, double low, double high) {
  check_features("min_max_scaling", features);
  if (!(low < high))
    throw ParamError(fmt::format("min_max_scaling: got [{}, {}], wanted low < high; exchange them", low, high));
  const NoGrad quiet;
  const Tensor least = amin(features, {0}), scale = (high - low) / or_one(amax(features, {0}) - least);
  return {scale, low - least * scale};
}

Tensor normalise(const Tensor& images, const std::vector<double>& means, const std::vector<double>& deviations) {
  check_images("normalise", images);
  const int64_t channels = images.shape()[1];
  bool positive = true;
  for (double d : deviations) positive &= d > 0;
  if (int64_t(means.size()) != channels || int64_t(deviations.size()) != channels || !positive)
    throw ParamError(
        fmt::format("normalise: got {} means and {} deviations for {} channels, wanted one for each, deviations "
                    "positive; check them",
                    means.size(), deviations.size(), channels));
  const NoGrad quiet;
  const Shape shape{channels, 1, 1};
  return (images - tensor(means, shape, images.dtype())) / tensor(deviations, shape, images.dtype());
}

Tensor random_shift(const Tensor& images, int64_t most, Generator& generator) {
  check_images("random_shift", images);
  if (most < 0) throw ParamError(fmt::format("random_shift: got {} pixels, wanted at least 0; try 2", most));
  const std::vector<int64_t> by = integers(2 * images.shape()[0], -most, most, generator);
  return each_pixel(images, size_of(images),
                    [&, at = canvas_of(images)](int64_t i, const auto* channel, int64_t y, int64_t x) {
                      return at(channel, y - by[size_t(2 * i)], x - by[size_t(2 * i + 1)]);
                    });
}

Tensor random_rotation(const Tensor& images, double most, Generator& generator) {
  check_images("random_rotation", images);
  if (!(most >= 0)) throw ParamError(fmt::format("random_rotation: got {} degrees, wanted at least 0; try 10", most));
  std::vector<double> degrees(static_cast<size_t>(images.shape()[0]));
  fill_uniform(degrees.data(), images.shape()[0], -most, most, generator);
  return rotated(images, degrees);
}

Tensor random_crop(const Tensor& images, Size2 size, int64_t padding, Generator& generator) {
  check_images("random_crop", images);
  const int64_t n = images.shape()[0], free_y = images.shape()[2] + 2 * padding - size.height,
                free_x = images.shape()[3] + 2 * padding - size.width;
  if (size.height < 1 || size.width < 1 || padding < 0 || free_y < 0 || free_x < 0)
    throw ParamError(
        fmt::format("random_crop: got a window of {} on images of ({},{}) with a padding of {}, wanted one that fits; "
                    "make it smaller",
                    text(size), images.shape()[2], images.shape()[3], padding));
  const std::vector<int64_t> top = integers(n, 0, free_y, generator), left = integers(n, 0, free_x, generator);
  return each_pixel(images, size, [&, at = canvas_of(images)](int64_t i, const auto* channel, int64_t y, int64_t x) {
    return at(channel, y + top[size_t(i)] - padding, x + left[size_t(i)] - padding);
  });
}

Tensor random_flip(const Tensor& images, double p, Generator& generator) {
  check_images("random_flip", images);
  std::vector<uint8_t> mirrored(static_cast<size_t>(images.shape()[0]));
  fill_bernoulli(mirrored.data(), images.shape()[0], p, generator);
  const int64_t width = images.shape()[3];
  return each_pixel(images, size_of(images),
                    [&, at = canvas_of(images)](int64_t i, const auto* channel, int64_t y, int64_t x) {
                      return at(channel, y, mirrored[size_t(i)] ? width - 1 - x : x);
                    });
}

Tensor rotated(const Tensor& images, const std::vector<double>& degrees) {
  check_images("rotated", images);
  const int64_t n = images.shape()[0], height = images.shape()[2], width = images.shape()[3];
  if (int64_t(degrees.size()) != n)
    throw ParamError(
        fmt::format("rotated: got {} angles for {} images, wanted one for each; repeat it", degrees.size(), n));
  std::vector<double> sine, cosine;
  for (double d : degrees) {
    sine.push_back(std::sin(d * std::numbers::pi / 180));
    cosine.push_back(std::cos(d * std::numbers::pi / 180));
  }
  const double middle_y = double(height - 1) / 2, middle_x = double(width - 1) / 2;
  return each_pixel(images, {height, width},
                    [&, at = canvas_of(images)](int64_t i, const auto* channel, int64_t y, int64_t x) {
                      const double s = sine[size_t(i)], c = cosine[size_t(i)];
                      const double dy = double(y) - middle_y, dx = double(x) - middle_x;
                      const double from_x = middle_x + c * dx - s * dy, from_y = middle_y + s * dx + c * dy;
                      const double fx = std::floor(from_x), fy = std::floor(from_y);
                      const double right = from_x - fx, down = from_y - fy;
                      const auto y0 = int64_t(fy), x0 = int64_t(fx);
                      return (1 - down) * ((1 - right) * at(channel, y0, x0) + right * at(channel, y0, x0 + 1)) +
                             down * ((1 - right) * at(channel, y0 + 1, x0) + right * at(channel, y0 + 1, x0 + 1));
                    });
}

}  // namespace gradus
