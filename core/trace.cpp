#include "gradus/core/trace.h"

#include <algorithm>
#include <cstring>

namespace gradus {
std::string to_string(const BranchSite& site) {
  std::string text = site.file;
  text += ':', text += std::to_string(site.line);
  text += ':', text += std::to_string(site.column);
  text += ' ', text += site.what;
  return text;
}

void Recorder::branch(const SourceLocation& at, const char* what, const bool* taken, int lanes) {
  lanes = std::min(lanes, valid);
  if (lanes <= 0) return;
  const char* file = at.file_name();
  if (const char* slash = std::strrchr(file, '/')) file = slash + 1;
  Visit& visit = visits[{file, int(at.line()), int(at.column()), what}];
  auto yes = std::count(taken, taken + lanes, true);
  (yes == 0 ? visit.seen_false : yes == lanes ? visit.seen_true : visit.seen_mixed) = true;
}

void Recorder::distance(double steps) {
  if (steps == 0) ++ties;
  if (steps > 0 && steps < nearest) nearest = steps;
}
}  // namespace gradus
