// The elementwise ops of tensors on a device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// to = op(in…); the op by its place in operations::All.
void operate(int operation, const OperationCall& call);
// The same for truths; the comparison by its place in operations::Comparisons.
void compare(int comparison, const OperationCall& call);
// to = in[0] == constants[0] ? in[1] : in[2], or constants[1] where in[2] has no data.
void choose(const OperationCall& call);

}  // namespace gradus::cuda_kernels
