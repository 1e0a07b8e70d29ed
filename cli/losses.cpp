// gradus losses: what every loss is, as a table, as a page with a plot, or as JSON.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gradus/autograd/engine.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/plot.h"
#include "gradus/core/error.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> aliases_of(const About& about) {
  std::vector<std::string> list;
  std::istringstream words(about.aliases);
  for (std::string word; std::getline(words, word, ';');) {
    word.erase(0, word.find_first_not_of(' '));
    if (!word.empty()) list.push_back(word);
  }
  return list;
}

std::string range_text(const Range& r) {
  if (r.only_ends) return fmt::format("{:g} or {:g}", r.low, r.high);
  if (!bounded(r)) return "any number";
  if (r.high == range::inf) return fmt::format("{} {:g}", r.open_low ? ">" : ">=", r.low);
  if (r.low == -range::inf) return fmt::format("{} {:g}", r.open_high ? "<" : "<=", r.high);
  return fmt::format("{}{:g}, {:g}{}", r.open_low ? "(" : "[", r.low, r.high, r.open_high ? ")" : "]");
}

// One entry of a loss's signature: an input, or a parameter with its default.
struct Line {
  std::string name, kind;  // kind: "element", "row", "column", "label", "number" …
  bool input = false, required = false;
  ordered_json value = nullptr;  // the default of a parameter
  std::string values = "";       // which are allowed
};

// A tensor of the prediction's size belongs to the inputs even where it has a default; a single number is a parameter.
Line line_of(const InputFacts& in, const Param* param) {
  constexpr const char* roles[] = {"element", "row", "column", "scalar", "array"};
  Line line;
  line.name = in.name;
  line.kind = in.label ? "label" : roles[int(in.role)];
  line.input = in.role != Role::scalar || !param;
  line.required = !param;
  if (param) line.value = param->number();
  line.values = in.label ? "class index" : range_text(in.range);
  return line;
}

Line line_of(const OptionFacts& o, double value) {
  constexpr const char* kinds[] = {"number", "integer", "flag", "choice"};
  Line line;
  line.name = o.name;
  line.kind = kinds[o.kind];
  switch (o.kind) {
    case OptionFacts::choice:
      line.value = o.choices[int(value)];
      line.values = fmt::format("{}", fmt::join(o.choices, o.choices + o.choice_count, ", "));
      break;
    case OptionFacts::flag:
      line.value = value != 0;
      line.values = "true, false";
      break;
    case OptionFacts::integer:
      line.value = int64_t(value);
      line.values = bounded(o.range) ? range_text(o.range) : "whole number";
      break;
    case OptionFacts::number:
      if (!std::isnan(value)) line.value = value;
      line.values = range_text(o.range) + (o.optional ? " or none" : "");
  }
  return line;
}

std::vector<Line> signature(const LossEntry& entry) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  std::vector<Line> lines;
  for (int k = 0; k < f.inputs; ++k)
    lines.push_back(line_of(*f.input(k), f.param(const_cast<void*>(defaults.get()), k)));
  for (int i = 0; i < f.options; ++i) lines.push_back(line_of(*f.option(i), f.get(defaults.get(), i)));
  if (entry.about->fixed) return lines;
  lines.push_back({.name = "reduction",
                   .kind = "choice",
                   .value = name_of(entry.about->reduction),
                   .values = "none, sum, mean, batchmean, mean_active"});
  lines.push_back({.name = "empty", .kind = "choice", .value = "zero", .values = "zero, nan, error"});
  return lines;
}

ordered_json as_json(const LossEntry& entry) {
  const About& a = *entry.about;
  ordered_json inputs = ordered_json::array(), params = ordered_json::object();
  for (const Line& line : signature(entry)) {
    if (line.input)
      inputs.push_back(line.required ? line.name : "[" + line.name + "]");
    else
      params[line.name] = line.value;
  }
  return {{"name", a.name},         {"tier", fmt::format("T{}", a.tier)},
          {"family", a.family},     {"aliases", aliases_of(a)},
          {"inputs", inputs},       {"params", params},
          {"summary", a.summary},   {"formula", a.formula},
          {"gradient", a.gradient}, {"kinks", a.kinks},
          {"edges", a.edges},       {"paper", a.paper}};
}

// ---- the plot
// ---------------------------------------------------------------------------------------------------------

constexpr int plot_points = 129;

struct Sweep {
  double low, high;
};

Sweep sweep_of(const Range& r) {
  if (!bounded(r)) return {-4, 4};
  const double low = std::isfinite(r.low) ? r.low : r.high - 4, high = std::isfinite(r.high) ? r.high : r.low + 4;
  const double margin = (high - low) / 100;  // poles stand at borders
  return {low + margin, high - margin};
}

// A tensor of one sample; where there is a class axis, `value` is the first class and 0 the other.
Tensor one_sample(const FormulaEntry& f, const InputFacts& in, double value) {
  if (in.label) return labels({0});
  if (!f.fold) return tensor({value}, {1}, Dtype::float64);
  if (in.role == Role::row) return tensor({value}, {1}, Dtype::float64);
  return tensor({value, 0}, {1, 2}, Dtype::float64);
}

struct Curves {
  Sweep sweep;
  std::vector<double> value, gradient;
  std::string others;
};

// The loss of a single sample while its first input moves; throws where a loss needs more than that.
Curves curves_of(const LossEntry& entry) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  Curves curves{sweep_of(f.input(0)->range), {}, {}, ""};
  LossArguments arguments{{}, {{"reduction", "sum"}}};
  double constant = 0;  // of an input after the first, so that no two are equal
  for (int k = 0; k < f.inputs; ++k) {
    const InputFacts& in = *f.input(k);
    if (f.param(const_cast<void*>(defaults.get()), k)) continue;
    const double value = bounded(in.range) && !in.label ? 1 : constant++;
    arguments.inputs.emplace_back(in.name, one_sample(f, in, value));
    if (k == 0)
      constant = 0;
    else
      curves.others += fmt::format(", {} {:g}", in.name, in.label ? 0 : value);
  }
  for (int i = 0; i < plot_points; ++i) {
    const double x = curves.sweep.low + (curves.sweep.high - curves.sweep.low) * i / (plot_points - 1);
    Tensor& input = arguments.inputs.front().second;
    input = one_sample(f, *f.input(0), x).requires_grad(true);
    const Tensor loss = evaluate(entry, arguments);
    curves.value.push_back(loss.item());
    backward(loss);
    curves.gradient.push_back(f.fold ? input.grad().at({0, 0}) : input.grad().at({0}));
  }
  return curves;
}

void print_plot(const LossEntry& entry) {
  Curves c;
  try {
    c = curves_of(entry);
  } catch (const Error&) {
    return;  // a loss over pairs or sequences has no picture over one number
  }
  const std::string picture = plot(c.sweep.low, c.sweep.high, {{'*', c.value}, {'.', c.gradient}});
  if (picture.empty()) return;
  fmt::print("\nvalue (*) and gradient (.) of one sample while {} moves{}\n{}", entry.formula(0)->input(0)->name,
             c.others, picture);
}

// ---- the pages
// --------------------------------------------------------------------------------------------------------

void print_field(const char* title, const char* text) {
  if (*text) fmt::print("{:<10} {}\n", title, text);
}

void print_page(const LossEntry& entry) {
  const About& a = *entry.about;
  fmt::print("{}  ({}, tier {})\n{}\n\n", a.name, a.family, a.tier, a.summary);
  print_field("formula", a.formula);
  print_field("gradient", a.gradient);
  print_field("kinks", *a.kinks ? a.kinks : "none");
  print_field("edges", a.edges);
  print_field("aliases", a.aliases);
  print_field("paper", a.paper);
  fmt::print("\n{:<18} {:<8} {:<10} {}\n", "input, parameter", "kind", "default", "values");
  for (const Line& line : signature(entry)) {
    const std::string value = line.required                  ? "required"
                              : line.value.is_null()         ? "none"
                              : line.value.is_string()       ? line.value.get<std::string>()
                              : line.value.is_number_float() ? fmt::format("{:g}", line.value.get<double>())
                                                             : line.value.dump();
    fmt::print("{:<18} {:<8} {:<10} {}\n", line.name, line.kind, value, line.values);
  }
  for (int i = 0; i < entry.example_count; ++i)
    fmt::print("{}{}({}) = {:.10g}   ({})\n", i ? "" : "\n", a.name, entry.examples[i].call, entry.examples[i].value,
               entry.examples[i].source);
  print_plot(entry);
}

void print_table() {
  size_t width = 0;
  for (const LossEntry* entry : losses()) width = std::max(width, std::string(entry->about->name).size());
  for (const LossEntry* entry : losses()) fmt::print("{:<{}}  {}\n", entry->about->name, width, entry->about->summary);
  fmt::print("\n{} losses; `gradus losses NAME` says all about one.\n", losses().size());
}

void show(const std::string& name, bool json) {
  if (!name.empty()) {
    const LossEntry& entry = loss_named(name);
    return json ? fmt::print("{}\n", as_json(entry).dump(2)) : print_page(entry);
  }
  if (!json) return print_table();
  ordered_json all = ordered_json::array();
  for (const LossEntry* entry : losses()) all.push_back(as_json(*entry));
  fmt::print("{}\n", all.dump(2));
}

}  // namespace

void add_losses(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("losses", "List the losses, or explain one");
  struct Arguments {
    std::string name;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  command->add_option("name", arguments->name, "a loss: its formula, gradient, parameters, kinks and a plot")
      ->type_name("NAME");
  command->add_flag("--json", arguments->json, "print JSON: an array of all losses, or one object");
  command->footer("Examples:\n  gradus losses huber_loss\n  gradus losses --json");
  command->callback([arguments] { show(arguments->name, arguments->json); });
}

}  // namespace gradus
