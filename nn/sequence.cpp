#include "gradus/nn/sequence.h"

#include "gradus/ops/arithmetic.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/compare.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {

Tensor presence(const Tensor& tokens, Dtype dtype) { return to(ne(tokens, double(padding_token)), dtype); }

Tensor mean_of_present(const Tensor& x, const Tensor& presence) {
  return sum(x * unsqueeze(presence, 2), {1}) / clamp(sum(presence, {1}, true), 1);
}

}  // namespace gradus
