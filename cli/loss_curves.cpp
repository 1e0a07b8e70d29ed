#include "gradus/cli/loss_curves.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

constexpr int plot_points = 129;

std::pair<double, double> sweep_of(const Range& r) {
  if (!bounded(r)) return {-4, 4};
  const double low = std::isfinite(r.low) ? r.low : r.high - 4, high = std::isfinite(r.high) ? r.high : r.low + 4;
  const double margin = (high - low) / 100;  // poles stand at borders
  return {low + margin, high - margin};
}

bool along_classes(const FormulaEntry& f, const InputFacts& in) {
  return in.role == Role::array ? std::string(in.dims) == "*C"
                                : f.fold && in.role != Role::row && in.role != Role::scalar;
}

// A tensor of one sample; where there is a class axis, `value` is the first class and 0 the other.
Tensor one_sample(const FormulaEntry& f, const InputFacts& in, double value) {
  if (in.label) return labels({0});
  if (in.role == Role::array && std::string(in.dims) != "*C" && std::string(in.dims) != "*" &&
      std::string(in.dims) != "~A")
    throw ShapeError(fmt::format("{} has no picture over one number", in.name));
  if (!along_classes(f, in)) return tensor({value}, {1}, Dtype::float64);
  return tensor({value, 0}, {1, 2}, Dtype::float64);
}

LossCurves sweep(const LossEntry& entry) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  const auto [low, high] = sweep_of(f.input(0)->range);
  LossCurves curves{low, high, {}, {}, f.input(0)->name, ""};
  LossArguments arguments;
  if (!entry.about->fixed) arguments.options.emplace_back("reduction", "sum");
  double constant = 0;  // of an input after the first: no two are equal, nor a default margin apart
  if (along_classes(f, *f.input(0))) {
    curves.others = fmt::format(", {}[1] 0", curves.input);
    curves.input += "[0]";
  }
  for (int k = 0; k < f.inputs; ++k) {
    const InputFacts& in = *f.input(k);
    if (f.param(const_cast<void*>(defaults.get()), k) || in.optional) continue;
    const double value = bounded(in.range) && !in.label ? 1 : std::exchange(constant, constant + 0.75);
    arguments.inputs.emplace_back(in.name, one_sample(f, in, value));
    if (k == 0) constant = 0;
    else curves.others += fmt::format(", {} {:g}", in.name, in.label ? 0 : value);
  }
  for (int i = 0; i < plot_points; ++i) {
    Tensor& input = arguments.inputs.front().second;
    input = one_sample(f, *f.input(0), low + (high - low) * i / (plot_points - 1)).requires_grad(true);
    const Tensor loss = evaluate(entry, arguments);
    if (!loss.requires_grad()) throw StateError("no gradient, no picture");
    Tensor first = zeros(loss.shape(), loss.dtype());  // of a map, only the first value
    first.mutable_data<double>()[0] = 1;
    curves.value.push_back(loss.to_vector()[0]);
    backward(loss, first);
    curves.gradient.push_back(input.grad().to_vector()[0]);
  }
  return curves;
}

// About five round numbers from low to high: multiples of 1, 2 or 5 times a power of ten.
std::vector<double> ticks(double low, double high) {
  const double power = std::pow(10, std::floor(std::log10((high - low) / 4)));
  double step = power;
  for (double factor : {2.0, 5.0, 10.0})
    if ((high - low) / step > 6) step = factor * power;
  std::vector<double> all;
  for (double x = std::ceil(low / step) * step; x <= high + 1e-9 * step; x += step) all.push_back(x);
  return all;
}

// "-0.5", "100": short, for the axes.
std::string tick(double x) { return fmt::format("{:.3g}", std::abs(x) < 1e-12 ? 0 : x); }

}  // namespace

std::optional<LossCurves> curves_of(const LossEntry& entry) {
  try {
    return sweep(entry);
  } catch (const Error&) { return std::nullopt; }
}

std::string as_csv(const LossCurves& c) {
  std::string text = c.input + ",value,gradient\n";
  for (size_t i = 0; i < c.value.size(); ++i)
    text += fmt::format("{:.17g},{:.17g},{:.17g}\n", c.x(i), c.value[i], c.gradient[i]);
  return text;
}

std::vector<double> without_spikes(const LossCurves& c) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (double y : c.value)
    if (std::isfinite(y)) low = std::min(low, y), high = std::max(high, y);
  if (!(low < high)) return c.gradient;
  std::vector<double> shown = c.gradient;
  for (double& g : shown)
    if (std::abs(g) > 2 * std::max({high - low, std::abs(low), std::abs(high)})) g = std::nan("");
  return shown;
}

std::string as_svg(const LossCurves& c, const std::string& title) {
  constexpr double width = 480, height = 280, left = 52, right = 16, top = 34, bottom = 34;
  double low = HUGE_VAL, high = -HUGE_VAL;
  const std::vector<double> gradient = without_spikes(c);
  for (const auto* curve : {&c.value, &gradient})
    for (double y : *curve)
      if (std::isfinite(y)) low = std::min(low, y), high = std::max(high, y);
  if (!(low <= high)) low = -1, high = 1;
  const double margin = high > low ? 0.05 * (high - low) : 1;
  low -= margin, high += margin;
  const auto px = [&](double x) { return left + (x - c.low) / (c.high - c.low) * (width - left - right); };
  const auto py = [&](double y) { return top + (high - y) / (high - low) * (height - top - bottom); };
  const auto line = [](double x1, double y1, double x2, double y2, const char* colour) {
    return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2,
                       y2, colour);
  };
  const auto word = [](double x, double y, const char* anchor, const char* colour, const std::string& what) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x, y, anchor,
                       colour, what);
  };
  constexpr const char *ink = "#444", *grid = "#e4e4e4", *blue = "#1f6feb", *orange = "#d9730d";
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      width, height);
  for (double x : ticks(c.low, c.high))
    svg += line(px(x), top, px(x), height - bottom, grid) + word(px(x), height - bottom + 16, "middle", ink, tick(x));
  for (double y : ticks(low, high))
    svg += line(left, py(y), width - right, py(y), grid) + word(left - 6, py(y) + 4, "end", ink, tick(y));
  if (low < 0 && high > 0) svg += line(left, py(0), width - right, py(0), "#999");
  if (c.low < 0 && c.high > 0) svg += line(px(0), top, px(0), height - bottom, "#999");
  const auto path = [&](const std::vector<double>& y, const char* colour) {
    std::string points;
    bool drawing = false;
    for (size_t i = 0; i < y.size(); ++i) {
      if (!std::isfinite(y[i])) {
        drawing = false;
        continue;
      }
      points += fmt::format("{}{:.1f},{:.1f} ", drawing ? "L" : "M", px(c.x(i)), py(y[i]));
      drawing = true;
    }
    return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", points, colour);
  };
  svg += path(gradient, orange) + path(c.value, blue);
  svg += word(left, 20, "start", "#111", title) + word(width - right - 70, 20, "end", blue, "value") +
         word(width - right, 20, "end", orange, "gradient");
  return svg + word((left + width - right) / 2, height - 4, "middle", ink, c.input + c.others) + "</svg>\n";
}

}  // namespace gradus
