// A sample as a picture inside a page.
#pragma once
#include <cstdint>
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

/// Can samples (N, ...) be drawn? Images of one or three channels can.
bool drawable(const Shape& features);
/// Sample i of images (N, 1 or 3, height, width) as a data: address of a BMP file, which needs no other file; black is
/// the smallest value of the sample, white the largest.
std::string image_address(const Tensor& features, int64_t i);

}  // namespace gradus
