// What a device does with the strided elements of tensors.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

void fill(const Elements& to, double value);
// Converts the dtype where it differs.
void convert_elements(const Elements& from, const Elements& to);

}  // namespace gradus::cuda_kernels
