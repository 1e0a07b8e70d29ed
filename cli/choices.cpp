#include "gradus/cli/choices.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/ops/registry.h"
#include "gradus/ops/spelling.h"

namespace gradus {

void choose(const std::string& option, const std::string& word, const std::vector<std::string>& known,
            const std::string& list) {
  if (std::find(known.begin(), known.end(), word) == known.end())
    throw ParamError(fmt::format("{}: there is no '{}'; {}", option, word, suggestion(word, known, list)));
}

const LossEntry& known_loss(const std::string& name) {
  const LossEntry& entry = loss_named(name);
  if (name != entry.about->name) fmt::print(stderr, "{} is {} here\n", name, entry.about->name);
  return entry;
}

}  // namespace gradus
