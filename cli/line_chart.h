// A chart of curves over the epochs, as SVG that takes its colours from the page around it.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace gradus {

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x rising; a point that is not finite leaves a gap
};

struct ChartText {
  std::string title, x_axis;
  bool percent = false;  // the values are shares
};

/// An SVG of class "chart", with lines of classes "line s0", "line s1" …; every point says its figures to the mouse.
/// Positive values that span two powers of ten or more stand on a logarithmic scale.
std::string line_chart_svg(const std::vector<ChartLine>& lines, const ChartText& words);

/// Words as HTML and SVG show them.
std::string html_text(const std::string& words);

}  // namespace gradus
