// Steps of optimisers on a device.
#pragma once
#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// One pass over the parameter, its gradient and its state, by the rule at a place of update_rules::All.
void update(int place, const void* rule, const UpdateCall& call);

}  // namespace gradus::cuda_kernels
