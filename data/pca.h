// Principal components: the directions in which samples differ most.
#pragma once
#include <cstdint>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

struct PrincipalComponents {
  Tensor coordinates;             // (N, count) float64: the centred samples along the components
  Tensor components;              // (count, D), of length 1; the largest element by magnitude is positive
  std::vector<double> explained;  // the share of the variance along each, in falling order
};

/// Of samples (N, D), float32 or float64. Throws ShapeError for another rank, ParamError unless 1 <= count <= D and
/// there is a sample.
PrincipalComponents principal_components(const Tensor& samples, int64_t count = 2);

}  // namespace gradus
