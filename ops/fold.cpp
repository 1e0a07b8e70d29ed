#include "gradus/ops/fold.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {
namespace {

void settle(Folding& r, const Tensor& x, bool keepdim) {
  r.wide = x.shape();
  for (int d = 0; d < x.rank(); ++d) {
    if (r.folded[d]) r.count *= x.shape()[d], r.wide[d] = 1;
    if (keepdim || !r.folded[d]) r.shape.push_back(r.wide[d]);
  }
}

}  // namespace

Folding folding(const char* op, const Tensor& x, const std::vector<int64_t>& dims, bool keepdim) {
  Folding r;
  bool named[Shape::max_rank] = {};
  for (int64_t dim : dims) {
    const int d = dimension(op, dim, x.rank());
    if (named[d]) throw IndexError(fmt::format("{}: dim {} is named twice; name each dimension once", op, dim));
    named[d] = true;
    r.folded[d] = d < x.rank();  // a number accepts dim 0, and has nothing to fold there
  }
  settle(r, x, keepdim);
  return r;
}

Folding folding_of_all(const Tensor& x) {
  Folding r;
  std::fill_n(r.folded, x.rank(), true);
  settle(r, x, false);
  return r;
}

}  // namespace gradus
