#include "gradus/cli/plot.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradus {
namespace {

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double y) {
    if (std::isfinite(y)) low = std::min(low, y), high = std::max(high, y);
  }
  int row_of(double y, int rows) const { return int(std::lround((high - y) / (high - low) * (rows - 1))); }
};

Extent extent_of(const std::vector<Curve>& curves) {
  Extent e;
  for (const Curve& curve : curves)
    for (double y : curve.y) e.include(y);
  if (e.low == e.high) e.low -= 1, e.high += 1;  // a constant curve runs through the middle
  return e;
}

}  // namespace

std::string plot(double x_low, double x_high, const std::vector<Curve>& curves, int columns, int rows) {
  const Extent e = extent_of(curves);
  if (!(e.low < e.high)) return "";
  std::vector<std::string> grid(size_t(rows), std::string(size_t(columns), ' '));
  if (e.low <= 0 && e.high >= 0) grid[size_t(e.row_of(0, rows))].assign(size_t(columns), '-');
  if (x_low < 0 && x_high > 0)
    for (std::string& row : grid) row[size_t(std::lround(-x_low / (x_high - x_low) * (columns - 1)))] = '|';
  for (auto curve = curves.rbegin(); curve != curves.rend(); ++curve)
    for (int c = 0; c < columns; ++c) {
      const double y = curve->y[size_t(c) * (curve->y.size() - 1) / size_t(columns - 1)];
      if (std::isfinite(y)) grid[size_t(e.row_of(y, rows))][size_t(c)] = curve->mark;
    }
  std::string text;
  for (int r = 0; r < rows; ++r) {
    const double y = e.high - (e.high - e.low) * r / (rows - 1);
    text += r % 7 == 0 ? fmt::format("{:>8.3g} {}\n", std::abs(y) < 1e-9 ? 0 : y, grid[size_t(r)])
                       : fmt::format("{:>8} {}\n", "", grid[size_t(r)]);
  }
  return text + fmt::format("{:>8} {:<{}.3g}{:>.3g}\n", "", x_low, columns - 3, x_high);
}

}  // namespace gradus
