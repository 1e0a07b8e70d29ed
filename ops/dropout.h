// Dropout.
#pragma once
#include "gradus/core/random.h"
#include "gradus/core/tensor.h"

namespace gradus {

// In training each element is zero with probability p, else x / (1 - p); otherwise x itself.  Which elements fall away
// depends on the generator's next stream and their place alone.  ParamError unless 0 <= p <= 1.
Tensor dropout(const Tensor& x, double p, bool training, Generator& generator = default_generator());

}  // namespace gradus
