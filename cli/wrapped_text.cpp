#include "gradus/cli/wrapped_text.h"

#include <algorithm>
#include <sstream>

namespace gradus {
namespace {

// Of UTF-8, only the first byte of a character counts.
size_t characters(const std::string& word) {
  return size_t(std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::istringstream words(text);
  std::string lines;
  size_t column = indent;
  for (std::string word; words >> word; column += characters(word)) {
    const bool first = lines.empty(), fits = column + 1 + characters(word) <= width;
    if (!first) lines += fits ? ' ' : '\n';
    if (!first && !fits) lines.append(indent, ' ');
    column = fits || first ? column + !first : indent;
    lines += word;
  }
  return lines;
}

}  // namespace gradus
