// Convolutions (cross-correlations, as is usual in deep learning) and their transposes.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

struct Conv2dOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;
};
// (N,C,H,W) × weight (O,C/groups,kh,kw) + bias (O), which may be left out -> (N,O,H',W') with
// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1.  Bits do not depend on the number of threads.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(), const Conv2dOptions& options = {});

struct Conv1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};
// The same for (N,C,L) × (O,C/groups,k).
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(), const Conv1dOptions& options = {});

struct ConvTranspose2dOptions {
  Size2 stride = 1, padding = 0, output_padding = 0, dilation = 1;
  int64_t groups = 1;
};
// The adjoint of conv2d in its input: (N,C,H,W) × weight (C,O/groups,kh,kw) + bias (O) -> (N,O,H',W') with
// H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(),
                        const ConvTranspose2dOptions& options = {});

}  // namespace gradus
