#include "gradus/cli/loss_signature.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gradus/ops/registry.h"

namespace gradus {

using nlohmann::ordered_json;

namespace {

std::string range_text(const Range& r) {
  if (r.only_ends) return fmt::format("{:g} or {:g}", r.low, r.high);
  if (!bounded(r)) return "any number";
  if (r.high == range::inf) return fmt::format("{} {:g}", r.open_low ? ">" : ">=", r.low);
  if (r.low == -range::inf) return fmt::format("{} {:g}", r.open_high ? "<" : "<=", r.high);
  return fmt::format("{}{:g}, {:g}{}", r.open_low ? "(" : "[", r.low, r.high, r.open_high ? ")" : "]");
}

// Integers below, or up to, the extent that a letter of the shapes stands for.
std::string integers_text(const InputFacts& in) {
  if (!in.below) return bounded(in.range) ? range_text(in.range) : "whole numbers";
  return fmt::format("whole numbers in [0, {}{}", in.below, in.up_to ? "]" : ")");
}

// "T*C" is (T,…,C), with any batch in the middle; "NS|P" is (N,S) or (P).
std::string shape_text(const std::string& dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == '|') {
      text += ") or (";
      continue;
    }
    if (text.back() != '(') text += ',';
    text += dims[i] == '*' ? std::string("…") : std::string(1, dims[i]);
  }
  return text + ")";
}

// A tensor of the prediction's size belongs to the inputs even where it has a default; a single number is a parameter.
Line line_of(const InputFacts& in, const Param* param) {
  constexpr const char* roles[] = {"element", "row", "column", "scalar", "array"};
  Line line;
  line.name = in.name;
  line.kind = in.label ? "label" : roles[int(in.role)];
  if (in.role == Role::array) line.kind += " " + shape_text(in.dims);
  line.input = in.role != Role::scalar || !param;
  line.required = !in.optional && (!param || std::isnan(param->number()));
  if (param) line.value = ordered_json(param->number()).dump();
  line.values = in.label ? "class index" : in.integer ? integers_text(in) : range_text(in.range);
  return line;
}

Line line_of(const OptionFacts& o, double value) {
  constexpr const char* kinds[] = {"number", "integer", "flag", "choice"};
  Line line;
  line.name = o.name;
  line.kind = kinds[o.kind];
  switch (o.kind) {
    case OptionFacts::choice:
      line.value = ordered_json(o.choices[int(value)]).dump();
      line.values = fmt::format("{}", fmt::join(o.choices, o.choices + o.choice_count, ", "));
      break;
    case OptionFacts::flag:
      line.value = value != 0 ? "true" : "false";
      line.values = "true, false";
      break;
    case OptionFacts::integer:
      line.required = value < o.range.low;
      if (value != double(never_ignored)) line.value = std::to_string(int64_t(value));
      line.values = bounded(o.range) ? range_text(o.range) : "whole number";
      if (o.up_to || o.below) line.values += fmt::format(", {} {}", o.below ? "<" : "<=", o.below ? o.below : o.up_to);
      break;
    case OptionFacts::number:
      if (!std::isnan(value)) line.value = ordered_json(value).dump();
      line.values = range_text(o.range) + (o.optional ? " or none" : "");
  }
  return line;
}

// Is there a formula in which this input, elsewhere of labels, has a number for each class?
bool takes_probabilities(const LossEntry& entry, const std::string& name) {
  for (int i = 1; i < entry.formula_count; ++i) {
    const FormulaEntry& f = *entry.formula(i);
    for (int k = 0; k < f.inputs; ++k)
      if (f.input(k)->name == name && f.input(k)->role == Role::element && !f.input(k)->label) return true;
  }
  return false;
}

}  // namespace

std::vector<Line> signature(const LossEntry& entry) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  std::vector<Line> lines;
  for (int k = 0; k < f.inputs; ++k)
    lines.push_back(line_of(*f.input(k), f.param(const_cast<void*>(defaults.get()), k)));
  for (Line& line : lines)
    if (line.kind == "label" && takes_probabilities(entry, line.name))
      line.kind = "label or element", line.values = "class index, or a probability for each class";
  for (int i = 0; i < f.options; ++i) lines.push_back(line_of(*f.option(i), f.get(defaults.get(), i)));
  if (entry.about->fixed) return lines;
  lines.push_back({.name = "reduction",
                   .kind = "choice",
                   .value = ordered_json(name_of(entry.about->reduction)).dump(),
                   .values = "none, sum, mean, batchmean, mean_active"});
  lines.push_back({.name = "empty", .kind = "choice", .value = "\"zero\"", .values = "zero, nan, error"});
  return lines;
}

std::string default_text(const Line& line) {
  if (line.required) return "required";
  const ordered_json value = ordered_json::parse(line.value);
  if (value.is_null()) return "none";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{:g}", value.get<double>()) : value.dump();
}

const char* class_of(const LossEntry& entry) {
  if (*entry.about->kind) return entry.about->kind;
  const FormulaEntry& f = *entry.formula(0);
  return f.fold ? "fold" : f.block ? "block" : "map";
}

std::string as_json(const LossEntry& entry) {
  const About& a = *entry.about;
  ordered_json inputs = ordered_json::array(), params = ordered_json::object();
  for (const Line& line : signature(entry)) {
    if (line.input) inputs.push_back(line.required ? line.name : "[" + line.name + "]");
    else params[line.name] = line.required ? ordered_json("required") : ordered_json::parse(line.value);
  }
  const ordered_json all = {{"name", a.name},           {"tier", fmt::format("T{}", a.tier)},
                            {"family", a.family},       {"aliases", aliases_of(a)},
                            {"inputs", inputs},         {"params", params},
                            {"class", class_of(entry)}, {"summary", a.summary},
                            {"formula", a.formula},     {"gradient", a.gradient},
                            {"kinks", a.kinks},         {"edges", a.edges},
                            {"paper", a.paper}};
  return all.dump(2);
}

}  // namespace gradus
