// A plot of curves in text, for a terminal.
#pragma once
#include <string>
#include <vector>

namespace gradus {

struct Curve {
  char mark;
  std::vector<double> y;  // at equal steps over the plot's x range; NaN and infinity leave a gap
};

/// Lines of text with both axes; of curves in one cell the first is seen. Empty when no value is finite.
std::string plot(double x_low, double x_high, const std::vector<Curve>& curves, int columns = 64, int rows = 15);

}  // namespace gradus
