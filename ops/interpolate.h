// Resizing images.
#pragma once
#include "gradus/core/tensor.h"
#include "gradus/ops/columns.h"

namespace gradus {

enum class Interpolation { nearest, bilinear };

// (N,C,H,W) -> (N,C,size).  nearest takes the pixel at floor(i H / H').  bilinear mixes the pixels around
// (i + 1/2) H / H' - 1/2, or around i (H - 1) / (H' - 1) where the corners are aligned; beyond the border the border
// pixel counts.
Tensor interpolate(const Tensor& x, Size2 size, Interpolation mode = Interpolation::nearest,
                   bool align_corners = false);

}  // namespace gradus
