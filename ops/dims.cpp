#include "gradus/ops/dims.h"

#include <fmt/core.h>

#include <sstream>

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

std::vector<Dims> alternatives(const char* text) {
  std::vector<Dims> all;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, '|');) all.push_back(parse_dims(part));
  if (all.empty()) all.emplace_back();  // a single number
  return all;
}

Dims dims_for(const char* text, int rank) {
  const std::vector<Dims> all = alternatives(text);
  for (const Dims& d : all) {
    const int letters = int(d.letters.size());
    if (d.flat || (d.batch_at >= 0 ? rank >= letters : rank == letters)) return d;
  }
  return all[0];
}

std::string readable(const Dims& d, const Shape* batch) {
  std::string text = "(";
  const auto add = [&](const std::string& axis) { text.append(text.size() > 1 ? "," : "").append(axis); };
  for (size_t i = 0; i <= d.letters.size(); ++i) {
    if (d.batch_at == int(i) && !batch) add("…");
    if (d.batch_at == int(i) && batch)
      for (int64_t extent : *batch) add(std::to_string(extent));
    if (i < d.letters.size()) add(std::string(1, d.letters[i]) + (d.plus[i] ? fmt::format("+{}", d.plus[i]) : ""));
  }
  return text + ")";
}

}  // namespace gradus
