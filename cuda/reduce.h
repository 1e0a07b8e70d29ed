// Reductions of the strided elements of tensors.
#pragma once
#include "gradus/core/backend.h"
#include "gradus/core/monoids.h"

namespace gradus::cuda_kernels {

// Folds the dimensions where to's extent is 1; floats into their own dtype, through float64, and integers into int64.
void reduce(Monoid monoid, const Elements& from, const Elements& to);
// The first place, in row-major order along those dimensions, that holds `wanted`, or a NaN; int64.
void find(const Elements& from, const Elements& wanted, const Elements& to);

}  // namespace gradus::cuda_kernels
