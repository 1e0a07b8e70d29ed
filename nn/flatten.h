// Flatten: the features of each sample in one row.
#pragma once
#include "gradus/nn/module.h"
#include "gradus/ops/shape.h"

namespace gradus {

/// x (N, ...) -> (N, product of the rest).
struct Flatten : Module {
  Tensor forward(const Tensor& x) override;
};

}  // namespace gradus
