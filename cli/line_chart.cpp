#include "gradus/cli/line_chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradus {
namespace {

constexpr double width = 560, height = 300, left = 56, right = 16, top = 44, bottom = 40;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double v) {
    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  }
  double span() const { return high - low; }
};

// 1, 2 or 5 times a power of ten, so that about `count` of them make the span.
double tick_step(double span, int count) {
  const double raw = span / count, power = std::pow(10, std::floor(std::log10(raw))), digit = raw / power;
  return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

std::vector<double> ticks(const Range& range, int count, double least_step = 0) {
  const double step = std::max(tick_step(range.span(), count), least_step);
  std::vector<double> all;
  for (double k = std::ceil(range.low / step - 1e-9); k * step <= range.high + 1e-9 * step; ++k)
    all.push_back(k * step);
  return all;
}

std::vector<double> powers_of_ten(const Range& logarithms) {
  std::vector<double> all;
  for (double k = std::ceil(logarithms.low - 1e-9); k <= logarithms.high + 1e-9; ++k) all.push_back(k);
  return all;
}

// Where values stand on the picture.
class Plane {
 public:
  Plane(const std::vector<ChartLine>& lines, bool percent) : percent_(percent) {
    for (const ChartLine& line : lines)
      for (const auto& [x, y] : line.points) x_.include(x), y_.include(y);
    if (!(x_.low <= x_.high)) x_ = {0, 1};
    if (!(y_.low <= y_.high)) y_ = {0, 1};
    if (x_.span() == 0) x_ = {x_.low - 1, x_.high + 1};
    logarithmic_ = !percent && y_.low > 0 && y_.high / y_.low >= 100;
    if (logarithmic_) y_ = {std::log10(y_.low), std::log10(y_.high)};
    if (y_.span() < 1e-12 * std::max(1.0, std::abs(y_.high))) y_ = {y_.low - 0.5, y_.high + 0.5};
    const double margin = 0.05 * y_.span();
    y_ = {y_.low - margin, percent ? std::min(y_.high + margin, 1.0) : y_.high + margin};
  }
  double px(double x) const { return left + (x - x_.low) / x_.span() * (width - left - right); }
  double py(double y) const { return place(logarithmic_ ? std::log10(y) : y); }
  bool shows(double y) const { return std::isfinite(y) && (!logarithmic_ || y > 0); }
  std::string label(double y) const { return percent_ ? fmt::format("{:.4g} %", 100 * y) : fmt::format("{:.4g}", y); }

  std::string grid() const {
    std::string svg;
    for (const double x : ticks(x_, 8, 1))
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:g}</text>\n", px(x),
                         height - bottom + 18, x + 0.0);  // no -0
    for (const double y : logarithmic_ ? powers_of_ten(y_) : ticks(y_, 5))
      svg += fmt::format(
          "<path class=\"grid\" d=\"M{0} {1:.1f}H{2}\"/><text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
          left, place(y), width - right, left - 8, place(y) + 4,
          label(logarithmic_          ? std::pow(10, y)
                : std::abs(y) < 1e-12 ? 0
                                      : y));
    return svg;
  }

 private:
  double place(double y) const { return top + (y_.high - y) / y_.span() * (height - top - bottom); }
  Range x_, y_;
  bool percent_, logarithmic_ = false;
};

std::string curve(const Plane& plane, const ChartLine& line, size_t number) {
  std::string path, dots;
  bool pen_down = false;
  for (const auto& [x, y] : line.points) {
    if (!plane.shows(y)) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", plane.px(x), plane.py(y));
    pen_down = true;
    dots += fmt::format(
        "<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{} {:g}: {}</title></circle>\n", number,
        plane.px(x), plane.py(y), line.points.size() > 60 ? 1.5 : 3, html_text(line.name), x, plane.label(y));
  }
  return fmt::format("<path class=\"line s{}\" d=\"{}\"/>\n", number, path) + dots;
}

// One line of text, so that whoever draws it knows how wide the names are.
std::string legend(const std::vector<ChartLine>& lines) {
  std::string svg = fmt::format("<text x=\"{}\" y=\"24\" text-anchor=\"end\">", width - right);
  for (size_t i = 0; i < lines.size(); ++i)
    svg += fmt::format("<tspan class=\"key s{}\" dx=\"{}\">━━</tspan><tspan dx=\"6\">{}</tspan>", i, i == 0 ? 0 : 16,
                       html_text(lines[i].name));
  return svg + "</text>\n";
}

}  // namespace

std::string html_text(const std::string& words) {
  std::string safe;
  for (const char c : words)
    safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return safe;
}

std::string line_chart_svg(const std::vector<ChartLine>& lines, const ChartText& words) {
  const Plane plane(lines, words.percent);
  std::string svg = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\">\n", width, height);
  svg += fmt::format("<title>{0}</title>\n<text class=\"title\" x=\"{1}\" y=\"24\">{0}</text>\n",
                     html_text(words.title), 16);
  svg += plane.grid();
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (left + width - right) / 2,
                     height - 6, html_text(words.x_axis));
  for (size_t i = 0; i < lines.size(); ++i) svg += curve(plane, lines[i], i);
  return svg + legend(lines) + "</svg>\n";
}

}  // namespace gradus
