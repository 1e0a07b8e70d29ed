// Text broken into lines that fit a terminal.
#pragma once
#include <string>

namespace gradus {

/// Lines of at most `width` characters, broken at spaces; those after the first begin with `indent` spaces.  A word
/// that is longer has a line of its own.
std::string wrapped(const std::string& text, size_t indent = 0, size_t width = 100);

}  // namespace gradus
