// Which loss a name means: its own, or what another library calls it.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "gradus/core/error.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/spelling.h"

namespace gradus {
namespace {

// Without what names the library, as the catalogue abbreviates it or as its users write it.
std::string_view without_library(std::string_view name) {
  constexpr std::string_view libraries[] = {"torch.", "nn.", "functional.", "F.",  "tf.", "keras.", "losses.", "optax.",
                                            "keras ", "KE ", "OX ",         "TV ", "EM ", "LK ",    "PML "};
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view library : libraries)
      if (name.starts_with(library)) name.remove_prefix(library.size()), found = true;
  }
  return name;
}

// Without a remark: "CTCLoss (its value)", "CategoricalCrossentropy(from_logits)".
std::string_view without_remark(std::string_view alias) {
  alias = alias.substr(0, alias.find('('));
  while (alias.ends_with(' ')) alias.remove_suffix(1);
  return alias;
}

// How well a name fits what others call a loss, the best first.
enum class Fit : uint8_t { to_the_letter, without_the_library, without_remarks };

bool answers_to(const LossEntry& entry, const std::string& name, Fit fit) {
  const std::string_view word = without_library(name);
  if (fit == Fit::without_the_library && word == entry.about->name) return true;
  const std::vector<std::string> aliases = aliases_of(*entry.about);
  return std::any_of(aliases.begin(), aliases.end(), [&](const std::string& alias) {
    switch (fit) {
      case Fit::to_the_letter: return alias == name;
      case Fit::without_the_library: return without_library(alias) == word;
      default: return without_library(without_remark(alias)) == word;
    }
  });
}

// Those that others call so and that it fits best.
std::vector<const LossEntry*> answering_to(const std::string& name) {
  std::vector<const LossEntry*> found;
  for (const Fit fit : {Fit::to_the_letter, Fit::without_the_library, Fit::without_remarks}) {
    if (!found.empty()) break;
    for (const LossEntry* entry : losses())
      if (answers_to(*entry, name, fit)) found.push_back(entry);
  }
  return found;
}

}  // namespace

std::vector<std::string> aliases_of(const About& about) {
  std::vector<std::string> list;
  std::istringstream words(about.aliases);
  for (std::string word; std::getline(words, word, ';');) {
    word.erase(0, word.find_first_not_of(' '));
    if (!word.empty()) list.push_back(word);
  }
  return list;
}

const LossEntry* find_loss(const std::string& name) {
  for (const LossEntry* entry : losses())
    if (name == entry->about->name) return entry;
  return nullptr;
}

const LossEntry* find_alias(const std::string& name) {
  const std::vector<const LossEntry*> meant = answering_to(name);
  return meant.size() == 1 ? meant[0] : nullptr;
}

const LossEntry& loss_named(const std::string& name) {
  if (const LossEntry* entry = find_loss(name)) return *entry;
  const std::vector<const LossEntry*> meant = answering_to(name);
  if (meant.size() == 1) return *meant[0];
  std::vector<std::string> known;
  for (const LossEntry* entry : meant.empty() ? losses() : meant) known.push_back(entry->about->name);
  if (!meant.empty())
    throw ParamError(fmt::format("loss: '{}' may be {}; choose one of them", name, fmt::join(known, " or ")));
  throw ParamError(fmt::format("loss: there is no '{}'; {}", name, suggestion(name, known)));
}

}  // namespace gradus
