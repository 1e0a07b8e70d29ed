// The stream of CUDA in which everything on the selected device runs.
#pragma once
#include <cuda_runtime_api.h>

namespace gradus::runtime {

// Made when it is first asked for; it goes with the process. Not the legacy stream, which cannot be recorded.
cudaStream_t stream();

}  // namespace gradus::runtime
