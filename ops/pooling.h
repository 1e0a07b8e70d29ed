// Pooling: the largest or the mean value under a window.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

struct Pool2dOptions {
  Size2 stride = 0;  // 0: the kernel, so that windows lie side by side
  Size2 padding = 0;
};
// (N,C,H,W) -> (N,C,H',W') with H' = (H + 2 padding - kernel) / stride + 1.  Padding is never the largest; of equal
// values the first wins and takes the gradient; a NaN under the window is the result.
// ParamError where padding is more than half the kernel: a window could lie wholly in the padding.
Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});

struct AvgPool2dOptions {
  Size2 stride = 0;  // 0: the kernel
  Size2 padding = 0;
  bool count_include_pad = true;  // do the zeros of the padding count as elements?
};
Tensor avg_pool2d(const Tensor& x, Size2 kernel, const AvgPool2dOptions& options = {});

// The same for (N,C,L).
struct Pool1dOptions {
  int64_t stride = 0, padding = 0;
};
struct AvgPool1dOptions {
  int64_t stride = 0, padding = 0;
  bool count_include_pad = true;
};
Tensor max_pool1d(const Tensor& x, int64_t kernel, const Pool1dOptions& options = {});
Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& options = {});

// (N,C,H,W) -> (N,C,output): output row i is the mean of rows floor(i H / H') to ceil((i + 1) H / H'), columns
// likewise.
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output);

}  // namespace gradus
