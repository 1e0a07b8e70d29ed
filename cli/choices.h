// Checking a word of the command line against the words that are known.
#pragma once
#include <string>
#include <vector>

namespace gradus {

/// Throws ParamError unless `word` is among `known`: what was got, which are known, and the nearest.
void choose(const std::string& option, const std::string& word, const std::vector<std::string>& known);

/// "; did you mean 'x'?", or what is known where nothing is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& known);

}  // namespace gradus
