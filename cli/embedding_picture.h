// An embedding in the plane.
#pragma once
#include <string>

#include "gradus/core/tensor.h"

namespace gradus {

/// SVG of samples (N, width) along their first two principal components, in the colours of their labels (N).
std::string embedding_svg(const Tensor& embedded, const Tensor& labels);

}  // namespace gradus
