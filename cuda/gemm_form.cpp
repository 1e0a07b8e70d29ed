#include "gradus/cuda/gemm_form.h"

#include <algorithm>

namespace gradus::cuda_kernels {
namespace {

// The matrices of a batch, one step apart.
bool step_of(const Elements& e, int64_t& step) {
  int64_t extent = 1;  // of the dimensions that are one so far, from the innermost
  for (int d = e.rank - 3; d >= 0; --d) {
    if (e.extent[d] == 1) continue;
    if (extent == 1) step = e.stride[d];
    else if (e.stride[d] != extent * step) return false;
    extent *= e.extent[d];
  }
  return true;
}

// An operand that lies row by row is read as it is, one that lies column by column transposed.
std::optional<GemmForm::Operand> operand(const Elements& e) {
  const int64_t rows = e.extent[e.rank - 2], columns = e.extent[e.rank - 1];
  const int64_t down = e.stride[e.rank - 2], along = e.stride[e.rank - 1];
  GemmForm::Operand o;
  if ((along == 1 || columns == 1) && (down >= columns || rows == 1)) {
    o.leading = std::max<int64_t>(rows == 1 ? columns : down, 1);
  } else if ((down == 1 || rows == 1) && (along >= rows || columns == 1)) {
    o.transposed = true;
    o.leading = std::max<int64_t>(columns == 1 ? rows : along, 1);
  } else {
    return {};
  }
  if (!step_of(e, o.step)) return {};
  return o;
}

}  // namespace

std::optional<GemmForm> gemm_form(const Elements& a, const Elements& b, const Elements& to) {
  const auto left = operand(b), right = operand(a), result = operand(to);
  if (!left || !right || !result || result->transposed) return {};
  GemmForm form;
  form.n = to.extent[to.rank - 2], form.m = to.extent[to.rank - 1], form.k = a.extent[a.rank - 1];
  for (int d = 0; d + 2 < to.rank; ++d) form.batch *= to.extent[d];
  form.left = *left, form.right = *right, form.to = *result;
  return form;
}

}  // namespace gradus::cuda_kernels
