#include "gradus/ops/dims.h"

#include <fmt/core.h>

#include <algorithm>

namespace gradus {

Dims parse_dims(const std::string& text) {
  Dims d;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*') d.batch_at = int(d.letters.size());
    else if (text[i] == '~') d.flat = true;
    else if (text[i] == '+') d.plus.back() = text[++i] - '0';
    else d.letters += text[i], d.plus.push_back(0);
  }
  return d;
}

// The alternative that a tensor of this rank fits; the first one where none does.
Dims dims_for(const char* text, int rank) {
  const std::string all = text;
  for (size_t from = 0; from <= all.size();) {
    const size_t bar = std::min(all.find('|', from), all.size());
    Dims d = parse_dims(all.substr(from, bar - from));
    const int letters = int(d.letters.size());
    if (d.flat || (d.batch_at >= 0 ? rank >= letters : rank == letters)) return d;
    from = bar + 1;
  }
  return parse_dims(all.substr(0, all.find('|')));
}

std::string readable(const Dims& d) {
  std::string text = "(";
  const auto add = [&](const std::string& axis) { text.append(text.size() > 1 ? "," : "").append(axis); };
  for (size_t i = 0; i <= d.letters.size(); ++i) {
    if (d.batch_at == int(i)) add("…");
    if (i < d.letters.size()) add(std::string(1, d.letters[i]) + (d.plus[i] ? fmt::format("+{}", d.plus[i]) : ""));
  }
  return text + ")";
}

}  // namespace gradus
