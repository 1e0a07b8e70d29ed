#include "gradus/ops/spelling.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace gradus {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

// FocalLoss, focal_loss and Focal-Loss are one word.
std::string bare(const std::string& word) {
  std::string letters;
  for (const char c : word)
    if (std::isalnum(static_cast<unsigned char>(c))) letters += char(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& k : known)
    if (const size_t d = edit_distance(word, k); d < least) least = d, best = k;
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known, const std::string& list) {
  constexpr size_t most = 20;   // names that one sentence can list
  constexpr size_t a_slip = 2;  // letters that a finger misses; beyond that, a name that holds the word is nearer
  const std::string near = nearest(word, known), part = bare(word);
  std::vector<std::string> holding;
  for (const std::string& name : known)
    if (part.size() > 1 && bare(name).find(part) != std::string::npos) holding.push_back(name);
  if (!near.empty() && (holding.empty() || edit_distance(word, near) <= a_slip))
    return fmt::format("did you mean '{}'?", near);
  if (holding.size() == 1) return fmt::format("did you mean '{}'?", holding[0]);
  if (!holding.empty() && holding.size() <= most)
    return fmt::format("known with it in their names are {}", fmt::join(holding, ", "));
  if (known.size() <= most) return fmt::format("known are {}", fmt::join(known, ", "));
  return fmt::format("{} are known, which `{}` lists", known.size(), list);
}

}  // namespace gradus
