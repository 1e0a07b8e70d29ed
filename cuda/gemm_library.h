// Products by a tuned library, where this build has one.
#pragma once
#include "gradus/cuda/gemm_form.h"

namespace gradus::cuda_kernels {

// to = a b (+ bias, one for every column of to, unless null), of float32 or float64, each accumulated in its own
// precision.  False, and nothing done, where no library takes it.
bool multiply_by_library(const GemmForm& form, Dtype dtype, const void* a, const void* b, const void* bias, void* to);

}  // namespace gradus::cuda_kernels
