#include "gradus/ops/rescale.h"

#include "gradus/ops/arithmetic.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/extreme.h"
#include "gradus/ops/operands.h"
#include "gradus/ops/reduce.h"

namespace gradus {
namespace {

// (x - centre) / width, and 0 where x does not vary.
Tensor rescaled(const Tensor& x, const Tensor& centre, const Tensor& width, const Tensor& constant) {
  return where(constant, 0.0, div(sub(x, centre), where(constant, 1.0, width)));
}

}  // namespace

Tensor standardize(const Tensor& x, const std::vector<int64_t>& dims) {
  check_alike("standardize", {{"input", &x}});
  if (x.numel() == 0) return x;  // which has no smallest value
  // The mean of equal values may be a rounding off, and a deviation of roundings would stretch them to ±1.
  const Tensor constant = eq(amin(x.detach(), dims, true), amax(x.detach(), dims, true));
  const Tensor centred = sub(x, mean(x, dims, true));
  const Tensor drift = mean(centred, dims, true);  // what rounding left of the mean
  return rescaled(centred, drift, std(x, dims, true, 0), constant);
}

Tensor minmax(const Tensor& x, const std::vector<int64_t>& dims) {
  check_alike("minmax", {{"input", &x}});
  if (x.numel() == 0) return x;
  const Tensor low = amin(x, dims, true), width = sub(amax(x, dims, true), low);
  return rescaled(x, low, width, eq(width.detach(), 0.0));
}

}  // namespace gradus
