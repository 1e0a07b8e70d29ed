// Where there is no cuDNN, as on the emulator, convolutions are products with the columns of the images.
#include "gradus/cuda/convolution_library.h"

namespace gradus::cuda_kernels {

bool convolve_by_library(const ConvolutionCall&) { return false; }

}  // namespace gradus::cuda_kernels
