#include "gradus/cli/loss_json.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

using nlohmann::json;

bool is_number(const json& value) {
  return value.is_number() || value.is_boolean() || value == "inf" || value == "-inf" || value == "nan";
}
double number_of(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>();
  return value == "nan" ? std::nan("") : value == "inf" ? range::inf : -range::inf;
}

// An array with its shape, read row by row.
struct Nested {
  Shape shape;
  std::vector<double> values;
  bool whole = true;  // only integers
};

void read(const char* op, const std::string& name, const json& value, int depth, Nested& to) {
  const auto ragged = [&] {
    return ShapeError(fmt::format("{}: the rows of {} differ in length, wanted a full array", op, name));
  };
  if (!value.is_array()) {
    if (depth != to.shape.rank()) throw ragged();
    if (!is_number(value)) throw ParamError(fmt::format("{}: {} holds {}, wanted numbers", op, name, value.dump()));
    to.whole = to.whole && value.is_number_integer();
    to.values.push_back(number_of(value));
    return;
  }
  const int64_t extent = int64_t(value.size());
  if (depth == to.shape.rank() && to.values.empty()) to.shape.push_back(extent);
  if (depth >= to.shape.rank() || to.shape[depth] != extent) throw ragged();
  for (const json& item : value) read(op, name, item, depth + 1, to);
}

bool is_label(const LossEntry& entry, const std::string& name) {
  const FormulaEntry& f = *entry.formula(0);
  for (int k = 0; k < f.inputs; ++k)
    if (name == f.input(k)->name) return f.input(k)->label || f.input(k)->integer;
  return false;
}

// A plain number that stands for a tensor of shape ().
bool is_required_input(const LossEntry& entry, const std::string& name) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  for (int k = 0; k < f.inputs; ++k)
    if (name == f.input(k)->name) return !f.param(const_cast<void*>(defaults.get()), k);
  return false;
}

}  // namespace

LossArguments loss_arguments(const LossEntry& entry, const std::string& text, Dtype dtype) {
  const char* op = entry.about->name;
  const json call = json::parse(text, nullptr, false);
  if (!call.is_object())
    throw ParamError(fmt::format("{}: the call {} is no JSON object, wanted inputs and options by name", op, text));
  LossArguments arguments;
  for (const auto& [name, value] : call.items()) {
    if (value.is_array()) {
      Nested array;
      read(op, name, value, 0, array);
      const bool labels = array.whole && is_label(entry, name);
      arguments.inputs.emplace_back(name, tensor(array.values, array.shape, labels ? Dtype::int64 : dtype));
    } else if (is_number(value) && is_required_input(entry, name)) {
      arguments.inputs.emplace_back(name, tensor({number_of(value)}, {}, dtype));
    } else if (is_number(value)) {
      arguments.options.emplace_back(name, number_of(value));
    } else if (value.is_string()) {
      arguments.options.emplace_back(name, value.get<std::string>());
    } else if (value.is_null()) {
      arguments.options.emplace_back(name, "none");
    } else {
      throw ParamError(fmt::format("{}: {} is {}, wanted an array, a number or a word", op, name, value.dump()));
    }
  }
  return arguments;
}

}  // namespace gradus
