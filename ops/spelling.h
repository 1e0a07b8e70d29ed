// What somebody who wrote an unknown word may have meant.
#pragma once
#include <string>
#include <vector>

namespace gradus {

// The word of `known` with the smallest edit distance to `word`; "" when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

// The end of a sentence: "did you mean 'x'?" where one is near, else which hold the word, or which there are.  Where
// they are too many for a sentence, `list` says which command lists them.
std::string suggestion(const std::string& word, const std::vector<std::string>& known,
                       const std::string& list = "gradus losses");

}  // namespace gradus
