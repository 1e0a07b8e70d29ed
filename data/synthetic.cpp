#include "gradus/data/synthetic.h"

#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "gradus/core/error.h"
#include "gradus/core/random.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

using std::numbers::pi;

struct Point {
  double x, y;
};

void check(const char* set, int64_t samples, int64_t classes, double noise) {
  if (classes < 1 || samples < classes || !(noise >= 0) || !std::isfinite(noise))
    throw ParamError(
        fmt::format("{}: got {} samples of {} classes with noise {}, wanted a sample for each class and noise from 0 "
                    "on; try 200 samples",
                    set, samples, classes, noise));
}

// point(c, i, n): sample i of the n of class c.  The first samples % classes classes have one more, or where
// `last_is_larger` the last ones, as scikit-learn has it.
template <class PointOf>
Dataset points(int64_t samples, int64_t classes, bool last_is_larger, double noise, Generator& generator,
               PointOf point) {
  std::vector<double> spread(static_cast<size_t>(2 * samples));
  fill_normal(spread.data(), 2 * samples, 0, noise, generator);
  Indices order(static_cast<size_t>(samples));
  permutation(order.data(), samples, generator);
  Tensor features({samples, 2}), labels({samples}, Dtype::int64);
  auto* x = features.mutable_data<float>();
  auto* y = labels.mutable_data<int64_t>();
  int64_t at = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const bool larger = last_is_larger ? c >= classes - samples % classes : c < samples % classes;
    const int64_t n = samples / classes + larger;
    for (int64_t i = 0; i < n; ++i, ++at) {
      const Point p = point(c, i, n);
      const int64_t to = order[size_t(at)];
      x[2 * to] = float(p.x + spread[size_t(2 * at)]);
      x[2 * to + 1] = float(p.y + spread[size_t(2 * at + 1)]);
      y[to] = c;
    }
  }
  return Dataset({{"features", features}, {"labels", labels}});
}

// The i-th of n numbers from 0 to 1, both included.
double along(int64_t i, int64_t n) { return n > 1 ? double(i) / double(n - 1) : 0; }

}  // namespace

Dataset moons(int64_t samples, double noise, uint64_t seed) {
  check("moons", samples, 2, noise);
  Generator generator(seed);
  return points(samples, 2, true, noise, generator, [](int64_t c, int64_t i, int64_t n) {
    const double t = pi * along(i, n);
    return c == 0 ? Point{std::cos(t), std::sin(t)} : Point{1 - std::cos(t), 0.5 - std::sin(t)};
  });
}

Dataset circles(int64_t samples, double noise, double factor, uint64_t seed) {
  check("circles", samples, 2, noise);
  if (!(factor >= 0 && factor < 1))
    throw ParamError(
        fmt::format("circles: got factor = {}, wanted the inner circle inside; choose it in [0, 1)", factor));
  Generator generator(seed);
  return points(samples, 2, true, noise, generator, [=](int64_t c, int64_t i, int64_t n) {
    const double t = 2 * pi * double(i) / double(n), r = c == 0 ? 1 : factor;
    return Point{r * std::cos(t), r * std::sin(t)};
  });
}

Dataset spirals(int64_t samples, double noise, int64_t classes, double turns, uint64_t seed) {
  check("spirals", samples, classes, noise);
  Generator generator(seed);
  return points(samples, classes, false, noise, generator, [=](int64_t c, int64_t i, int64_t n) {
    const double r = along(i, n), t = 2 * pi * (turns * r + double(c) / double(classes));
    return Point{r * std::cos(t), r * std::sin(t)};
  });
}

Dataset blobs(int64_t samples, int64_t classes, double deviation, uint64_t seed) {
  check("blobs", samples, classes, deviation);
  Generator generator(seed);
  std::vector<double> centres(static_cast<size_t>(2 * classes));
  fill_uniform(centres.data(), 2 * classes, -10, 10, generator);
  return points(samples, classes, false, deviation, generator,
                [&](int64_t c, int64_t, int64_t) { return Point{centres[size_t(2 * c)], centres[size_t(2 * c + 1)]}; });
}

}  // namespace gradus
