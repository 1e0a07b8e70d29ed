// The digits: 1,797 handwritten digits of 8×8 pixels, compiled into the library.
#pragma once
#include "gradus/data/dataset.h"

namespace gradus {

/// features float32 (1797, 1, 8, 8) in [0, 1], labels int64 (1797) in [0, 10). See data/digits/README.md.
Dataset digits();

}  // namespace gradus
