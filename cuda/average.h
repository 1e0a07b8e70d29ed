// The reduced value of a loss, made on the device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

void average(const AverageCall& call);

}  // namespace gradus::cuda_kernels
