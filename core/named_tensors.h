// Tensors by name: the parameters of a model, the fields of a batch, the state of an optimiser.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

}  // namespace gradus
