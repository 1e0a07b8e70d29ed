// gradus conformance: evaluates a file of test vectors (format gradus-vectors-1) by name and compares as it prescribes.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "gradus/autograd/engine.h"
#include "gradus/cli/choices.h"
#include "gradus/cli/commands.h"
#include "gradus/cli/device_option.h"
#include "gradus/core/error.h"
#include "gradus/data/bytes.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/registry.h"
#include "gradus/optim/clip.h"

namespace gradus {
namespace {

using nlohmann::json;

// ---- reading ------------------------------------------------------------------------------------

double number_of(const json& j) {
  if (j.is_number()) return j.get<double>();
  if (j.is_boolean()) return j.get<bool>();
  if (j == "inf") return range::inf;
  if (j == "-inf") return -range::inf;
  if (j == "nan") return std::nan("");
  throw FileError(fmt::format("conformance: {} is no number; wanted one, \"inf\", \"-inf\" or \"nan\"", j.dump()));
}

bool is_number(const json& j) { return j.is_number() || j.is_boolean() || j == "inf" || j == "-inf" || j == "nan"; }

// In what precision, and where, a file is evaluated.
struct Setting {
  Dtype precision = Dtype::float64;
  Device device = cpu;
};

// Does a tensor of this shape have n elements?  By division: the product of a file's extents could overflow.
bool has_elements(const Shape& shape, size_t n) {
  size_t left = n;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) return false;
    empty |= extent == 0;
    if (extent == 0 || left == 0) continue;
    if (left % size_t(extent)) return false;
    left /= size_t(extent);
  }
  return empty ? n == 0 : left == 1;
}

// A TENSOR of the file, or a plain number; floats in `precision`.
Tensor tensor_of(const json& j, Dtype precision) {
  if (is_number(j)) return scalar(number_of(j), precision);
  Shape shape;
  for (const json& extent : j.at("shape")) shape.push_back(extent.get<int64_t>());
  const std::string dtype = j.at("dtype");
  const json& data = j.at("data");
  if (!has_elements(shape, data.size()))
    throw FileError(
        fmt::format("conformance: a tensor of shape {} has {} numbers; mend the file", text(shape), data.size()));
  if (dtype == "int64") {
    Tensor t(shape, Dtype::int64);
    std::transform(data.begin(), data.end(), t.mutable_data<int64_t>(), [](const json& x) { return x.get<int64_t>(); });
    return t;
  }
  if (dtype == "bool") {
    Tensor t(shape, Dtype::boolean);
    std::transform(data.begin(), data.end(), t.mutable_data<bool>(), [](const json& x) { return number_of(x) != 0; });
    return t;
  }
  if (dtype != "float64")
    throw FileError(fmt::format("conformance: dtype '{}' is unknown; wanted float64, int64 or bool", dtype));
  std::vector<double> values;
  std::transform(data.begin(), data.end(), std::back_inserter(values), number_of);
  return tensor(values, shape, precision);
}

struct Tolerance {
  double rtol = 1e-9, atol = 1e-11;
};

Tolerance tolerance_of(const json& vector, Dtype precision) {
  const char* key = precision == Dtype::float32 ? "float32" : "tolerance";
  if (!vector.contains(key)) return {};
  return {vector[key].at("rtol"), vector[key].at("atol")};
}

// ---- comparing: each returns what is wrong, "" when nothing is ----------------------------------

double largest_finite(const std::vector<double>& values) {
  double largest = 0;
  for (double v : values)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  return largest;
}

const char* class_of(Dtype t) { return is_floating(t) ? "float" : t == Dtype::boolean ? "bool" : "integer"; }

std::string kind_difference(const std::string& what, const Tensor& got, const Tensor& want) {
  if (!(got.shape() == want.shape()))
    return fmt::format("{} has shape {}, wanted {}", what, text(got.shape()), text(want.shape()));
  const bool truths =
      got.dtype() == Dtype::boolean && is_floating(want.dtype());  // some files write truths as 0.0 and 1.0
  if (!truths && std::string(class_of(got.dtype())) != class_of(want.dtype()))
    return fmt::format("{} is {}, wanted a {}", what, name_of(got.dtype()), class_of(want.dtype()));
  return "";
}

std::string difference(const std::string& what, const Tensor& got, const Tensor& want, double allowed) {
  if (std::string kind = kind_difference(what, got, want); !kind.empty()) return kind;
  const std::vector<double> g = got.to_vector(), w = want.to_vector();
  if (!is_floating(want.dtype())) allowed = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    const bool same = g[i] == w[i] || (std::isnan(g[i]) && std::isnan(w[i]));
    if (same || (std::isfinite(w[i]) && std::abs(g[i] - w[i]) <= allowed)) continue;
    return fmt::format("{} is {:.17g} at element {}, wanted {:.17g} within {:.3g}", what, g[i], i, w[i], allowed);
  }
  return "";
}

// In float32 a gradient is compared relative to max(1, its largest entry).
double allowed_for(const Tensor& want, const Tolerance& t, bool scaled) {
  const double largest = largest_finite(want.to_vector());
  return scaled ? (t.atol + t.rtol) * std::max(1.0, largest) : t.atol + t.rtol * largest;
}

std::string outside(const std::string& what, const Tensor& got, const Tensor& low, const Tensor& high,
                    const Tolerance& t) {
  if (std::string kind = kind_difference(what, got, low); !kind.empty()) return kind;
  const std::vector<double> g = got.to_vector(), l = low.to_vector(), h = high.to_vector();
  for (size_t i = 0; i < g.size(); ++i) {
    const double slack = t.atol + t.rtol * std::max(std::abs(l[i]), std::abs(h[i]));
    if (!(g[i] >= l[i] - slack && g[i] <= h[i] + slack))
      return fmt::format("{} is {:.17g} at element {}, wanted it in [{:.17g}, {:.17g}]", what, g[i], i, l[i], h[i]);
  }
  return "";
}

// ---- evaluating ---------------------------------------------------------------------------------

struct Result {
  Tensor value;                // undefined where the op has none
  NamedTensors grad, clipped;  // by argument
};

const Tensor* find(const NamedTensors& list, const std::string& name) {
  for (const auto& [key, t] : list)
    if (key == name) return &t;
  return nullptr;
}

struct Unknown {
  std::string what;
};  // an op or a name that gradus does not have

NamedTensors inputs_of(const json& vector, Setting s) {
  NamedTensors inputs;
  const auto tested = [&](const char* key, const std::string& name) {
    return vector.contains(key) && vector[key].contains("grad") && vector[key]["grad"].contains(name);
  };
  for (const auto& [name, j] : vector.at("inputs").items()) {
    inputs.emplace_back(name, to(tensor_of(j, s.precision), s.device));
    if (tested("expected", name) || tested("exact", name)) inputs.back().second.requires_grad(true);
  }
  return inputs;
}

// A list of whole numbers among the parameters, such as cutoffs.
Tensor list_of(const json& j) {
  std::vector<double> values;
  for (const json& x : j) values.push_back(number_of(x));
  return tensor(values, {int64_t(values.size())}, Dtype::int64);
}

std::variant<double, std::string> option_of(const std::string& name, const json& j) {
  if (is_number(j)) return number_of(j);
  if (j.is_string()) return j.get<std::string>();
  if (j.is_null()) return std::string("none");
  throw Unknown{fmt::format("parameter {} is {}, wanted a number, a word or none", name, j.dump())};
}

Result evaluate_loss(const json& vector, Setting s) {
  const LossEntry* entry = find_loss(vector.at("op"));
  if (!entry) throw Unknown{fmt::format("there is no op '{}'", vector.at("op").get<std::string>())};
  const auto check_known = [&](const std::string& name) {
    if (!knows(*entry, name)) throw Unknown{fmt::format("{} has no '{}'", entry->about->name, name)};
  };
  LossArguments arguments{inputs_of(vector, s), {}};
  for (const auto& [name, t] : arguments.inputs) check_known(name);
  const json params = vector.value("params", json::object());
  for (const auto& [name, j] : params.items()) {
    check_known(name);
    if (j.is_array()) {
      arguments.inputs.emplace_back(name, to(list_of(j), s.device));
      continue;
    }
    arguments.options.emplace_back(name, option_of(name, j));
  }
  Result result{evaluate(*entry, arguments), {}, {}};
  if (result.value.requires_grad())
    backward(result.value,
             vector.contains("grad_output") ? to(tensor_of(vector["grad_output"], s.precision), s.device) : Tensor());
  for (const auto& [name, t] : arguments.inputs)
    if (t.requires_grad()) result.grad.emplace_back(name, t.grad().defined() ? t.grad() : zeros_like(t));
  return result;
}

// The inputs are gradients, of parameters that do not matter.
Result clip(const json& vector, Setting s) {
  NamedTensors parameters;
  for (const auto& [name, j] : vector.at("inputs").items()) {
    const Tensor g = to(tensor_of(j, s.precision), s.device);
    parameters.emplace_back(name, zeros_like(g).requires_grad(true));
    parameters.back().second.set_grad(g);
  }
  const json params = vector.value("params", json::object());
  for (const auto& [name, j] : params.items())
    if (!knows(loss_named(vector.at("op")), name))
      throw Unknown{fmt::format("{} has no '{}'", vector.at("op").get<std::string>(), name)};
  const auto parameter = [&](const char* name, double otherwise) {
    return params.contains(name) ? number_of(params[name]) : otherwise;
  };
  Result result;
  if (vector.at("op") == "clip_grad_value") clip_grad_value(parameters, parameter("clip_value", 1));
  else
    result.value =
        scalar(clip_grad_norm(parameters, parameter("max_norm", 1), parameter("norm_type", 2), parameter("eps", 1e-6),
                              parameter("error_if_nonfinite", 0) != 0 ? NonFinite::error : NonFinite::scale),
               s.precision);
  for (const auto& [name, p] : parameters) result.clipped.emplace_back(name, p.grad());
  return result;
}

Result evaluate_vector(const json& vector, Setting s) {
  const std::string op = vector.at("op");
  return op == "clip_grad_norm" || op == "clip_grad_value" ? clip(vector, s) : evaluate_loss(vector, s);
}

// Compares a result with `expected` (or `alternative`, or `exact`) of a vector.
std::string compare(const Result& result, const json& vector, const json& expected, const Tolerance& t,
                    Dtype precision) {
  const bool single = precision == Dtype::float32;
  if (expected.contains("value")) {
    if (!result.value.defined()) return "there is no value";
    const Tensor want = tensor_of(expected["value"], Dtype::float64);
    if (std::string wrong = difference("the value", result.value, want, allowed_for(want, t, false)); !wrong.empty())
      return wrong;
  }
  for (const char* key : {"grad", "clipped"}) {
    if (!expected.contains(key)) continue;
    for (const auto& [name, j] : expected[key].items()) {
      const std::string what = fmt::format("{} of {}", key, name);
      const Tensor* got = find(std::string(key) == "grad" ? result.grad : result.clipped, name);
      if (!got) return fmt::format("there is no {}", what);
      const bool kink = vector.value("kink", false) && vector.contains("grad_lo") && vector["grad_lo"].contains(name);
      const Tensor want = tensor_of(j, Dtype::float64);
      const std::string wrong = kink ? outside(what, *got, tensor_of(vector["grad_lo"][name], Dtype::float64),
                                               tensor_of(vector["grad_hi"][name], Dtype::float64), t)
                                     : difference(what, *got, want, allowed_for(want, t, single));
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

// ---- counting -----------------------------------------------------------------------------------

enum class Outcome { passed, failed, deviates, not_applicable };
struct Verdict {
  Outcome outcome;
  std::string reason;
};

Verdict judge_error(const json& vector, Setting s) {
  const std::string wanted = vector["expected"]["error"];
  try {
    evaluate_vector(vector, s);
  } catch (const Error& error) {
    if (error.kind() == wanted) return {Outcome::passed, ""};
    return {Outcome::failed, fmt::format("got a {} ({}), wanted a {}", error.kind(), error.what(), wanted)};
  }
  return {Outcome::failed, fmt::format("got a result, wanted a {}", wanted)};
}

Verdict judge(const json& vector, Setting s) {
  const Dtype precision = s.precision;
  const json& expected = vector.at("expected");
  try {
    if (expected.contains("error")) return judge_error(vector, s);
    if (precision == Dtype::float32 && vector.contains("float32") && vector["float32"].is_null())
      return {Outcome::not_applicable, ""};
    const Result result = evaluate_vector(vector, s);
    Tolerance tolerance = tolerance_of(vector, precision);
    if (vector.contains("exact") && vector.contains("tolerance")) {  // printed digits stay as rough as they are
      const Tolerance printed = tolerance_of(vector, Dtype::float64);
      tolerance = {std::max(tolerance.rtol, printed.rtol), std::max(tolerance.atol, printed.atol)};
    }
    std::string wrong = compare(result, vector, expected, tolerance, precision);
    if (wrong.empty() && vector.contains("exact")) {
      const bool single = precision == Dtype::float32;
      wrong = compare(result, vector, vector["exact"], tolerance_of(single ? vector : vector["exact"], precision),
                      precision);
    }
    if (wrong.empty()) return {Outcome::passed, ""};
    if (vector.value("quirk", false) && vector.contains("alternative") &&
        compare(result, vector, vector["alternative"], tolerance, precision).empty())
      return {Outcome::deviates, wrong};
    return {Outcome::failed, wrong};
  } catch (const Unknown& unknown) { return {Outcome::failed, unknown.what}; } catch (const Error& error) {
    return {Outcome::failed, error.what()};
  }
}

struct Choices {
  std::string file, dtype = "float64", device = "cpu";
  bool json = false;
};

nlohmann::json parse(const std::string& path) {
  constexpr int deepest = 32;  // copying, printing and comparing JSON goes down as many calls as it has levels
  const std::vector<uint8_t> bytes = read_file(path);
  const auto check_depth = [&](int depth, json::parse_event_t, const json&) {
    if (depth > deepest)
      throw FileError(
          fmt::format("{}: has lists in lists beyond {} levels; wanted a file of test vectors", path, deepest));
    return true;
  };
  nlohmann::json all;
  try {
    all = json::parse(bytes, check_depth);
  } catch (const json::parse_error& e) {  // "[…] parse error at line 3, column 7: syntax error …"
    const std::string what = e.what();
    const size_t at = what.find("at line"), end = what.find(':', at);
    throw FileError(fmt::format("{}: is no JSON {}; mend it there", path,
                                at == what.npos ? fmt::format("from byte {} on", e.byte) : what.substr(at, end - at)));
  } catch (const json::out_of_range& e) {  // "[…] number overflow parsing '1e999'"
    const std::string what = e.what();
    throw FileError(fmt::format("{}: has the number {}, which is too large; write \"inf\"", path,
                                what.substr(what.find('\'') == what.npos ? 0 : what.find('\''))));
  }
  if (!all.is_object() || !all.contains("format") || all["format"] != "gradus-vectors-1" || !all.contains("vectors") ||
      !all["vectors"].is_array())
    throw FileError(fmt::format(
        "{}: is no file of test vectors; wanted a JSON object with \"format\": \"gradus-vectors-1\" and \"vectors\"",
        path));
  return all;
}

bool run_conformance(const Choices& choices) {
  choose("--dtype", choices.dtype, {"float64", "float32"});
  const Setting setting = {choices.dtype == "float32" ? Dtype::float32 : Dtype::float64, chosen_device(choices.device)};
  const nlohmann::json file = parse(choices.file);
  int64_t counts[4] = {};
  nlohmann::ordered_json failures = nlohmann::ordered_json::array(), deviations = nlohmann::ordered_json::array();
  for (const nlohmann::json& vector : file["vectors"]) {
    std::string id = "a vector without id";
    Verdict verdict{Outcome::failed, ""};
    try {
      id = vector.value("id", id);
      verdict = judge(vector, setting);
    } catch (const nlohmann::json::exception& error) {
      verdict.reason = fmt::format("the vector is not as the format says ({})", error.what());
    }
    ++counts[int(verdict.outcome)];
    if (verdict.outcome == Outcome::failed) failures.push_back({{"id", id}, {"reason", verdict.reason}});
    if (verdict.outcome == Outcome::deviates) deviations.push_back({{"id", id}, {"reason", verdict.reason}});
    if (choices.json) continue;
    if (verdict.outcome == Outcome::failed) fmt::print("FAILED   {}: {}\n", id, verdict.reason);
    if (verdict.outcome == Outcome::deviates) fmt::print("deviates {}: {}\n", id, verdict.reason);
  }
  const int64_t passed = counts[int(Outcome::passed)], failed = counts[int(Outcome::failed)],
                skipped = counts[int(Outcome::not_applicable)];
  if (choices.json) {
    nlohmann::ordered_json report = {{"file", choices.file}, {"dtype", choices.dtype},    {"passed", passed},
                                     {"failed", failed},     {"not_applicable", skipped}, {"deviations", deviations},
                                     {"failures", failures}};
    fmt::print("{}\n", report.dump());
    return failed == 0;
  }
  if (!deviations.empty()) fmt::print("{} deviate as another framework does\n", deviations.size());
  if (skipped) fmt::print("{} not applicable in {}\n", skipped, choices.dtype);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0;
}

}  // namespace

void add_conformance(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("conformance", "Evaluate a file of test vectors and compare");
  auto choices = std::make_shared<Choices>();
  command->add_option("file", choices->file, "a JSON file in the format gradus-vectors-1")
      ->type_name("FILE.json")
      ->required();
  command->add_option("--dtype", choices->dtype, "precision to evaluate in")
      ->type_name("float64|float32")
      ->capture_default_str();
  add_device_option(*command, choices->device);
  command->add_flag("--json", choices->json, "print one JSON object");
  command->footer("Example:\n  gradus conformance vectors.json --dtype float32");
  command->callback([choices, &status] { status = run_conformance(*choices) ? 0 : 1; });
}

}  // namespace gradus
