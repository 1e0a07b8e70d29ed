// A call of a loss as JSON, as the examples in losses/ write it.
#pragma once
#include <string>

#include "gradus/ops/registry.h"

namespace gradus {

// {"input": [[1, 2], [3, 4]], "target": [0, 1], "delta": 0.5, "reduction": "sum"} as arguments for evaluate(): arrays
// become tensors of `dtype` (whole numbers of a label input int64), numbers, words, true, false and null options.
// "inf", "-inf" and "nan" are numbers.  ParamError when it is no JSON object, ShapeError when rows differ in length.
LossArguments loss_arguments(const LossEntry& entry, const std::string& json, Dtype dtype = Dtype::float64);

}  // namespace gradus
