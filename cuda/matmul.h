// Products of matrices on a device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// to = a b over the last two dimensions; those before them are batches, of to's extents.  to is dense.  The bias, where
// it has data, has a number for every column.
void multiply(const Elements& a, const Elements& b, const Elements& bias, const Elements& to);

}  // namespace gradus::cuda_kernels
