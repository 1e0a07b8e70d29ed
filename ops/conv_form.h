// The extents of a convolution, which its three gradients share.
#pragma once
#include "gradus/ops/columns.h"

namespace gradus {

// x is (images, groups · channels, H, W), w is (groups · filters, channels, kh, kw) and g is
// (images, groups · filters, H', W').
struct ConvForm {
  int64_t images, groups, filters;
  Patches patches;  // of one group's channels

  Shape input_shape() const { return {images, groups * patches.channels, patches.image.height, patches.image.width}; }
  Shape weight_shape() const {
    return {groups * filters, patches.channels, patches.window.kernel.height, patches.window.kernel.width};
  }
  Shape output_shape() const { return {images, groups * filters, patches.output.height, patches.output.width}; }
};

}  // namespace gradus
