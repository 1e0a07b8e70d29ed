// The elementwise ops of tensors on a device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// to = op(in…); the op by its place in operations::All.
void operate(int operation, const OperationCall& call);

}  // namespace gradus::cuda_kernels
