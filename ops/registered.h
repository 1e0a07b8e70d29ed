// The losses that this program was built with; the build writes their table from losses/list.txt.
#pragma once
#include "gradus/core/formula.h"

namespace gradus::registered {

extern const LossEntry* const* const all[];
extern const int count;

}  // namespace gradus::registered
