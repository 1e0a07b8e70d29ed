#include "gradus/data/pca.h"

#include <fmt/core.h>

#include <cmath>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/matmul.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"
#include "gradus/ops/svd.h"

namespace gradus {
namespace {

// A component is as good as its opposite; this one is the same for every decomposition.
void fix_sign(double* component, int64_t width) {
  int64_t largest = 0;
  for (int64_t k = 1; k < width; ++k)
    if (std::abs(component[k]) > std::abs(component[largest])) largest = k;
  if (component[largest] < 0)
    for (int64_t k = 0; k < width; ++k) component[k] = -component[k];
}

}  // namespace

PrincipalComponents principal_components(const Tensor& samples, int64_t count) {
  if (samples.rank() != 2)
    throw ShapeError(
        fmt::format("principal_components: samples have shape {}, wanted (N,D); flatten them", text(samples.shape())));
  const int64_t n = samples.shape()[0], width = samples.shape()[1];
  if (count < 1 || count > width || n < 1)
    throw ParamError(
        fmt::format("principal_components: got {} components of {} samples of {} features, wanted at least one sample "
                    "and no more components than features; choose fewer",
                    count, n, width));
  const NoGrad quiet;
  const Tensor x = to(samples, Dtype::float64), centred = x - mean(x, {0}, true);
  const Svd f = svd(matmul(transpose(centred, 0, 1), centred) / double(n));  // of the covariance: D×D, however many N
  PrincipalComponents result;
  result.components = transpose(slice(f.v, 1, 0, count), 0, 1).contiguous();
  for (int64_t k = 0; k < count; ++k) fix_sign(result.components.mutable_data<double>() + k * width, width);
  result.coordinates = matmul(centred, transpose(result.components, 0, 1));
  const double all = sum(f.s).item();
  for (int64_t k = 0; k < count; ++k) result.explained.push_back(all > 0 ? f.s.at({k}) / all : 0);
  return result;
}

}  // namespace gradus
