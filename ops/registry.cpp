#include "gradus/ops/registry.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <new>
#include <optional>
#include <string_view>

#include "gradus/core/error.h"
#include "gradus/ops/apply.h"
#include "gradus/ops/registered.h"
#include "gradus/ops/spelling.h"

namespace gradus {
namespace {

constexpr const char* reductions[] = {"none",        "sum",          "mean",        "batchmean",
                                      "mean_active", "sum_over_pos", "mean_per_row"};
constexpr const char* empties[] = {"zero", "nan", "error"};
constexpr std::align_val_t alignment{alignof(std::max_align_t)};

template <size_t N>
size_t choice(const char* op, const char* what, const std::string& word, const char* const (&known)[N]) {
  for (size_t i = 0; i < N; ++i)
    if (word == known[i]) return i;
  throw ParamError(fmt::format("{}: {} is '{}', wanted one of {}", op, what, word, fmt::join(known, ", ")));
}

using Word = std::variant<double, std::string>;
std::string word_of(const Word& value) {
  return std::holds_alternative<std::string>(value) ? std::get<std::string>(value)
                                                    : fmt::format("{:g}", std::get<double>(value));
}
// What an option wants to be.
std::string kind_of(const OptionFacts& o) {
  switch (o.kind) {
    case OptionFacts::choice: return fmt::format("one of {}", fmt::join(o.choices, o.choices + o.choice_count, ", "));
    case OptionFacts::flag: return "0 or 1";
    case OptionFacts::integer: return "a whole number";
    default: return o.optional ? "a number or none" : "a number";
  }
}

// "tail_{i}_weight" for the i-th; a plain name is its own.
std::string numbered(const std::string& name, size_t i) {
  const size_t at = name.find("{i}");
  return at == std::string::npos ? (i ? "" : name) : name.substr(0, at) + std::to_string(i) + name.substr(at + 3);
}

// The word's reduction, if this loss with these parameters knows it.
Reduction offered_reduction(const LossEntry& entry, const void* primary, const std::string& word) {
  std::vector<const char*> offered;
  for (size_t i = 0; i < std::size(reductions); ++i) {
    const Reduction r = Reduction(i);
    const bool special = r == Reduction::mean_per_row || r == Reduction::sum_over_pos;
    if (special && entry.about->reduction != r && entry.reduced(primary, r) == r) continue;
    offered.push_back(reductions[i]);
    if (word == reductions[i]) return r;
  }
  throw ParamError(
      fmt::format("{}: reduction is '{}', wanted one of {}", entry.about->name, word, fmt::join(offered, ", ")));
}

}  // namespace

const std::vector<const LossEntry*>& losses() {
  static const std::vector<const LossEntry*> all = [] {
    std::vector<const LossEntry*> list;
    for (int i = 0; i < registered::count; ++i) list.push_back(*registered::all[i]);
    for (const LossEntry* entry : compositions()) list.push_back(entry);
    std::sort(list.begin(), list.end(),
              [](const LossEntry* a, const LossEntry* b) { return std::string_view(a->about->name) < b->about->name; });
    return list;
  }();
  return all;
}

LossParameters::LossParameters(const LossEntry& entry)
    : entry_(entry), storage_(::operator new(entry.formula(0)->size, alignment)) {
  entry.formula(0)->construct(storage_);
}
LossParameters::~LossParameters() {
  entry_.formula(0)->destroy(storage_);
  ::operator delete(storage_, alignment);
}

void LossParameters::set(const std::string& name, const Tensor& tensor) {
  const FormulaEntry& f = *entry_.formula(0);
  for (int k = 0; k < f.inputs; ++k)
    if (name == f.input(k)->name)
      if (Param* p = f.param(storage_, k)) {
        if (!tensor.defined())
          throw ParamError(fmt::format("{}: {} is an undefined tensor; pass a tensor", entry_.about->name, name));
        *p = Param(tensor);
        return;
      }
  for (int i = 0; i < f.options; ++i)
    if (name == f.option(i)->name)
      throw ParamError(fmt::format("{}: {} is a tensor, wanted {}", entry_.about->name, name, kind_of(*f.option(i))));
  throw ParamError(fmt::format("{}: there is no parameter '{}'; {}", entry_.about->name, name,
                               suggestion(name, known_names(entry_))));
}

void LossParameters::set(const std::string& name, const std::variant<double, std::string>& value) {
  const FormulaEntry& f = *entry_.formula(0);
  const char* op = entry_.about->name;
  const auto word = [&] { return word_of(value); };
  for (int k = 0; k < f.inputs; ++k)
    if (name == f.input(k)->name) {
      Param* p = f.param(storage_, k);
      if (!p) throw ParamError(fmt::format("{}: {} is {}, wanted a tensor", op, name, word()));
      if (!std::holds_alternative<double>(value))
        throw ParamError(fmt::format("{}: {} is '{}', wanted a number", op, name, word()));
      *p = Param(std::get<double>(value));
      return;
    }
  for (int i = 0; i < f.options; ++i) {
    const OptionFacts& o = *f.option(i);
    if (name != o.name) continue;
    if (o.kind == OptionFacts::choice) {
      for (int c = 0; c < o.choice_count; ++c)
        if (word() == o.choices[c]) return f.set(storage_, i, c);
      throw ParamError(fmt::format("{}: {} is '{}', wanted one of {}", op, name, word(),
                                   fmt::join(o.choices, o.choices + o.choice_count, ", ")));
    }
    if (std::holds_alternative<double>(value)) {
      const double x = std::get<double>(value);
      if (o.kind == OptionFacts::integer && !(x == std::floor(x) && std::abs(x) < 0x1p63))
        throw ParamError(fmt::format("{}: {} is {:g}, wanted a whole number", op, name, x));
      if (o.kind == OptionFacts::flag && x != 0 && x != 1)
        throw ParamError(fmt::format("{}: {} is {:g}, wanted 0 or 1", op, name, x));
      return f.set(storage_, i, x);
    }
    if (o.optional && word() == "none")
      return f.set(storage_, i, o.kind == OptionFacts::integer ? double(never_ignored) : std::nan(""));
    throw ParamError(fmt::format("{}: {} is '{}', wanted a number{}", op, name, word(), o.optional ? " or none" : ""));
  }
  throw ParamError(fmt::format("{}: there is no parameter '{}'; {}", op, name, suggestion(name, known_names(entry_))));
}

Tensor evaluate(const LossEntry& entry, const LossArguments& arguments) {
  const FormulaEntry& f = *entry.formula(0);
  LossParameters parameters(entry);
  std::optional<std::string> asked;  // the reduction, once all parameters are known
  Empty empty = Empty::zero;
  for (const auto& [name, value] : arguments.options) {
    const std::string word = word_of(value);
    if (name == "reduction" && !entry.about->fixed) asked = word;
    else if (name == "empty" && !entry.about->fixed) empty = empty_named(entry.about->name, word);
    else parameters.set(name, value);
  }
  for (size_t i = 0; i < arguments.inputs.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (arguments.inputs[i].first == arguments.inputs[j].first)
        throw ParamError(
            fmt::format("{}: input '{}' is given twice, wanted once", entry.about->name, arguments.inputs[i].first));
  const Reduction reduction = asked ? offered_reduction(entry, parameters.get(), *asked) : entry.about->reduction;
  const auto unknown = [&](const std::string& name) {
    for (int i = 0; i < f.options; ++i)
      if (name == f.option(i)->name)
        return ParamError(fmt::format("{}: {} is a tensor, wanted {}", entry.about->name, name, kind_of(*f.option(i))));
    return ParamError(
        fmt::format("{}: there is no input '{}'; {}", entry.about->name, name, suggestion(name, known_names(entry))));
  };
  const auto missing = [&](const char* name) {
    return ParamError(fmt::format("{}: input '{}' is missing, wanted {}", entry.about->name, name,
                                  fmt::join(known_names(entry), ", ")));
  };
  if (f.compose) {
    std::vector<std::vector<Tensor>> lists(static_cast<size_t>(f.inputs));
    std::vector<bool> used(arguments.inputs.size(), false);
    for (int k = 0; k < f.inputs; ++k) {
      const InputFacts& facts = *f.input(k);
      std::vector<Tensor>& list = lists[size_t(k)];
      for (bool found = true; found;) {
        const std::string wanted = numbered(facts.name, list.size());
        const auto given = std::find_if(arguments.inputs.begin(), arguments.inputs.end(),
                                        [&](const auto& in) { return in.first == wanted; });
        found = given != arguments.inputs.end();
        if (found) list.push_back(given->second), used[size_t(given - arguments.inputs.begin())] = true;
      }
      if (lists[size_t(k)].empty() && !facts.optional && !f.param(const_cast<void*>(parameters.get()), k))
        throw missing(facts.name);
    }
    for (size_t i = 0; i < used.size(); ++i)
      if (!used[i]) throw unknown(arguments.inputs[i].first);
    return apply_composed(*entry.about, *chosen_formula(entry, parameters.get(), false, reduction), lists, reduction,
                          empty);
  }
  std::vector<const Tensor*> required;
  std::vector<bool> used(arguments.inputs.size(), false);
  for (int k = 0; k < f.inputs; ++k) {
    const bool is_required = !f.param(const_cast<void*>(parameters.get()), k);
    const auto given = std::find_if(arguments.inputs.begin(), arguments.inputs.end(),
                                    [&](const auto& in) { return in.first == f.input(k)->name; });
    if (given == arguments.inputs.end()) {
      if (is_required) throw missing(f.input(k)->name);
      continue;
    }
    used[size_t(given - arguments.inputs.begin())] = true;
    if (is_required) required.push_back(&given->second);
    else parameters.set(given->first, given->second);
  }
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) throw unknown(arguments.inputs[i].first);
  return apply(entry, parameters.get(), required.data(), int(required.size()), reduction, empty);
}

std::vector<std::string> known_names(const LossEntry& entry) {
  const FormulaEntry& f = *entry.formula(0);
  std::vector<std::string> names;
  for (int k = 0; k < f.inputs; ++k) names.push_back(f.input(k)->name);
  for (int i = 0; i < f.options; ++i) names.push_back(f.option(i)->name);
  if (!entry.about->fixed) {
    names.push_back("reduction");
    names.push_back("empty");
  }
  return names;
}

bool knows(const LossEntry& entry, const std::string& name) {
  const std::vector<std::string> names = known_names(entry);
  return std::any_of(names.begin(), names.end(), [&](const std::string& known) {
    if (known == name) return true;
    for (size_t i = 0; i < 100; ++i)
      if (numbered(known, i) == name) return true;
    return false;
  });
}

const char* name_of(Reduction reduction) { return reductions[int(reduction)]; }
Empty empty_named(const char* op, const std::string& word) { return Empty(choice(op, "empty", word, empties)); }

}  // namespace gradus
