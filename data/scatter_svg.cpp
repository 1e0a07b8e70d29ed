#include "gradus/data/scatter_svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "gradus/core/error.h"

namespace gradus {
namespace {

// Ten colours that are told apart on white; more classes begin again.
constexpr std::array colours = {"#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f",
                                "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#79706e"};
constexpr double width = 560, height = 480, left = 40, right = 76, top = 40, bottom = 40;

const char* colour_of(int64_t label) { return colours[size_t((label % 10 + 10) % 10)]; }

std::string escaped(const std::string& words) {
  std::string safe;
  for (char c : words) safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return safe;
}

std::string word(double x, double y, const char* anchor, const std::string& what, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"#444\"{}>{}</text>\n", x, y, anchor,
                     more, escaped(what));
}

// From the points' plane to the picture's, around the middle of both.
struct View {
  double middle_x, middle_y, scale;
  double px(double x) const { return (left + width - right) / 2 + (x - middle_x) * scale; }
  double py(double y) const { return (top + height - bottom) / 2 - (y - middle_y) * scale; }
};

struct Point {
  double x, y;
  int64_t label;
};

std::vector<Point> finite_points(const Tensor& points, const Tensor& labels) {
  const std::vector<double> xy = points.to_vector(), label = labels.to_vector();
  std::vector<Point> all;
  for (size_t i = 0; i < label.size(); ++i)
    if (std::isfinite(xy[2 * i]) && std::isfinite(xy[2 * i + 1]))
      all.push_back({xy[2 * i], xy[2 * i + 1], int64_t(label[i])});
  return all;
}

View view_of(const std::vector<Point>& points) {
  if (points.empty()) return {0, 0, 1};
  const auto by_x = [](const Point& a, const Point& b) { return a.x < b.x; };
  const auto by_y = [](const Point& a, const Point& b) { return a.y < b.y; };
  const auto [low_x, high_x] = std::minmax_element(points.begin(), points.end(), by_x);
  const auto [low_y, high_y] = std::minmax_element(points.begin(), points.end(), by_y);
  constexpr double margin = 12;  // so that no point lies on the frame
  const double wide = std::max(high_x->x - low_x->x, 1e-300), tall = std::max(high_y->y - low_y->y, 1e-300);
  const double scale =
      std::min((width - left - right - 2 * margin) / wide, (height - top - bottom - 2 * margin) / tall);
  return {(low_x->x + high_x->x) / 2, (low_y->y + high_y->y) / 2, std::min(scale, 1e12)};
}

}  // namespace

std::string scatter_svg(const Tensor& points, const Tensor& labels, const ScatterText& words) {
  if (points.rank() != 2 || points.shape()[1] != 2 || labels.rank() != 1 || labels.shape()[0] != points.shape()[0])
    throw ShapeError(
        fmt::format("scatter_svg: points have shape {} and labels {}, wanted (N,2) and (N); pass one label a point",
                    text(points.shape()), text(labels.shape())));
  const std::vector<Point> all = finite_points(points, labels);
  const View view = view_of(all);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<rect x=\"{2}\" y=\"{3}\" width=\"{4}\" height=\"{5}\" fill=\"#fafafa\" stroke=\"#ddd\"/>\n",
      width, height, left, top, width - left - right, height - top - bottom);
  std::set<int64_t> classes;
  for (const Point& p : all) {
    classes.insert(p.label);
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\" fill-opacity=\"0.75\"/>\n",
                       view.px(p.x), view.py(p.y), colour_of(p.label));
  }
  constexpr size_t most_named = 20;
  double y = top + 10;
  for (int64_t label : classes) {
    if (size_t((y - top) / 20) >= most_named) break;
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n", width - right + 18, y,
                       colour_of(label));
    svg += word(width - right + 30, y + 4, "start", std::to_string(label));
    y += 20;
  }
  svg += word(left, 24, "start", words.title, " font-size=\"14\"");
  svg += word((left + width - right) / 2, height - 14, "middle", words.x_axis);
  svg += word(0, 0, "middle", words.y_axis,
              fmt::format(" transform=\"translate({},{}) rotate(-90)\"", 24, (top + height - bottom) / 2).c_str());
  return svg + "</svg>\n";
}

}  // namespace gradus
