#include "gradus/ops/ranges.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"

namespace gradus {

Tensor arange(double start, double stop, double step, Dtype dtype) {
  const double count = (stop - start) / step;
  if (!(step != 0) || !(count >= 0) || !std::isfinite(count))
    throw ParamError(fmt::format("arange: from {:g} to {:g} by {:g} leads nowhere, wanted a step towards the end",
                                 start, stop, step));
  std::vector<double> values(static_cast<size_t>(std::ceil(count)));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = start + double(i) * step;  // not summed up: every element is exact to a rounding
  return tensor(values, {int64_t(values.size())}, dtype);
}

Tensor arange(int64_t stop) { return arange(0, double(stop), 1, Dtype::int64); }

Tensor linspace(double start, double stop, int64_t steps, Dtype dtype) {
  if (steps < 0) throw ParamError(fmt::format("linspace: steps is {}, wanted a value >= 0", steps));
  std::vector<double> values(static_cast<size_t>(steps), start);
  for (int64_t i = 1; i < steps; ++i) {
    const double way = double(i) / double(steps - 1);
    values[size_t(i)] =
        way < 0.5 ? start + way * (stop - start) : stop - (1 - way) * (stop - start);  // both ends are met exactly
  }
  return tensor(values, {steps}, dtype);
}

Tensor eye(int64_t n, int64_t m, Dtype dtype) {
  if (m == -1) m = n;
  if (n < 0 || m < 0) throw ParamError(fmt::format("eye: the extents are {} and {}, wanted values >= 0", n, m));
  std::vector<double> values(static_cast<size_t>(n * m), 0.0);
  for (int64_t i = 0; i < std::min(n, m); ++i) values[size_t(i * m + i)] = 1;
  return tensor(values, {n, m}, dtype);
}

}  // namespace gradus
