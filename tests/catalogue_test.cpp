// The list of losses against the catalogue: no name of tiers 1 and 2 is missing, none lacks an input or a parameter,
// and every default is the catalogue's.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gradus/ops/registry.h"

namespace gradus {
namespace {

using nlohmann::json;

json catalogue() {
  std::ifstream file(GRADUS_SOURCE_DIR "/tests/vectors/names.json");
  return json::parse(file);
}

// What a parameter is when nobody says: a number, a truth, a word, or null.
json default_of(const LossEntry& entry, const std::string& name) {
  const LossParameters defaults(entry);
  const FormulaEntry& f = *entry.formula(0);
  if (name == "reduction") return name_of(entry.about->reduction);
  if (name == "empty") return "zero";
  for (int k = 0; k < f.inputs; ++k)
    if (name == f.input(k)->name)
      if (const Param* p = f.param(const_cast<void*>(defaults.get()), k)) return p->number();
  for (int i = 0; i < f.options; ++i) {
    const OptionFacts& o = *f.option(i);
    if (name != o.name) continue;
    const double value = f.get(defaults.get(), i);
    if (o.kind == OptionFacts::choice) return o.choices[int(value)];
    if (o.kind == OptionFacts::flag) return value != 0;
    return std::isnan(value) || value == double(never_ignored) ? json(nullptr) : json(value);
  }
  return "not there";
}

bool same(const json& got, const json& want) {
  if (want == "required") return true;
  if (want.is_null() && got == "none") return true;
  if (got.is_number() && want.is_number()) return got.get<double>() == want.get<double>();
  return got == want;
}

TEST(Catalogue, HasEveryNameOfTheFirstTwoTiers) {
  const json all = catalogue();
  for (const auto& [name, facts] : all.items()) {
    const std::string tier = facts["tier"];
    if (tier != "T1" && tier != "T2") continue;
    const LossEntry* entry = find_loss(name);
    ASSERT_NO_THROW(loss_named(name)) << name;
    EXPECT_EQ(fmt::format("T{}", entry->about->tier), tier) << name;
  }
}

TEST(Catalogue, EveryLossHasTheInputsItNames) {
  const json all = catalogue();
  for (const auto& [name, facts] : all.items()) {
    const LossEntry* entry = find_loss(name);
    if (!entry) continue;
    for (std::string input : facts["inputs"]) {
      const bool optional = input.front() == '[';
      if (optional) input = input.substr(1, input.size() - 2);
      EXPECT_TRUE(knows(*entry, input)) << name << " has no input " << input;
    }
  }
}

TEST(Catalogue, EveryLossHasTheParametersAndDefaultsItNames) {
  const json all = catalogue();
  for (const auto& [name, facts] : all.items()) {
    const LossEntry* entry = find_loss(name);
    if (!entry) continue;
    for (const auto& [param, want] : facts["params"].items()) {
      EXPECT_TRUE(knows(*entry, param)) << name << " has no parameter " << param;
      if (!knows(*entry, param)) continue;
      EXPECT_TRUE(same(default_of(*entry, param), want))
          << name << ": " << param << " is " << default_of(*entry, param) << ", wanted " << want;
    }
  }
}

TEST(Catalogue, EveryListedNameIsInIt) {
  const json known = catalogue();
  for (const LossEntry* entry : losses()) EXPECT_TRUE(known.contains(entry->about->name)) << entry->about->name;
}

}  // namespace
}  // namespace gradus
