// The patches of images as columns, and columns put together to images.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

struct UnfoldOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
};
// (N,C,H,W) -> (N, C kh kw, L): column l is the l-th patch that a kernel of this size sees, zeros in the padding.
Tensor unfold(const Tensor& x, Size2 kernel, const UnfoldOptions& options = {});
// (N, C kh kw, L) -> (N,C,image): the sum of all patches where they came from, the adjoint of unfold.
Tensor fold(const Tensor& columns, Size2 image, Size2 kernel, const UnfoldOptions& options = {});

}  // namespace gradus
