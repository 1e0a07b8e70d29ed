#include "gradus/cli/choices.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/ops/registry.h"

namespace gradus {

void choose(const std::string& option, const std::string& word, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) == known.end())
    throw ParamError(fmt::format("{}: there is no '{}'; {}", option, word, suggestion(word, known)));
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  const std::string list = fmt::format("known are {}", fmt::join(known, ", "));
  return near.empty()        ? list
         : known.size() <= 5 ? fmt::format("{}, did you mean '{}'?", list, near)
                             : fmt::format("did you mean '{}'?", near);
}

}  // namespace gradus
