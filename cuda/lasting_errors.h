// Which errors of CUDA outlive the call that met them, and with it the device: an illegal address, a failed assertion.
#pragma once

namespace gradus::cuda_kernels {

// Where a thread's errors come from, as codes of cudaError_t.
struct ErrorSource {
  int (*take)();   // the last one, which is cleared where it can be
  int (*probe)();  // what a call meets that does nothing
};

// Is what a call has just met there to stay? Clears it where it is not.
bool error_lasts(const ErrorSource& source);

}  // namespace gradus::cuda_kernels
