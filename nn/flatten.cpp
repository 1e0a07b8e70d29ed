#include "gradus/nn/flatten.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {

Tensor Flatten::forward(const Tensor& x) {
  if (x.rank() < 1) throw ShapeError("Flatten: input has shape (), wanted (N,...); give it a batch dimension");
  int64_t features = 1;
  for (int d = 1; d < x.rank(); ++d) features *= x.shape()[d];
  return reshape(x, {x.shape()[0], features});
}

}  // namespace gradus
