// Convolutions by a tuned library, where this build has one.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// False, and nothing done, where no library takes it.
bool convolve_by_library(const ConvolutionCall& call);

}  // namespace gradus::cuda_kernels
