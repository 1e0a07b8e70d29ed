// Checking a word of the command line against the words that are known.
#pragma once
#include <string>
#include <vector>

#include "gradus/core/formula.h"

namespace gradus {

/// Throws ParamError unless `word` is among `known`: what was got, and the nearest, or which are known, or the command
/// that lists them.
void choose(const std::string& option, const std::string& word, const std::vector<std::string>& known,
            const std::string& list = "gradus losses");

/// A loss by its name or by what another library calls it, which is said on standard error.
const LossEntry& known_loss(const std::string& name);

}  // namespace gradus
