// A picture of labelled points in the plane, as SVG.
#pragma once
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

struct ScatterText {
  std::string title, x_axis, y_axis;
};

/// Points (N, 2) in the colour of their labels, int64 (N), with a legend; both axes have one scale, so that distances
/// are true. Points that are not finite are left out. Throws ShapeError where the shapes are not these.
std::string scatter_svg(const Tensor& points, const Tensor& labels, const ScatterText& words = {});

}  // namespace gradus
