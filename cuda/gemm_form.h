// A product of row-major matrices as the column-major libraries see it.
#pragma once
#include <cstdint>
#include <optional>

#include "gradus/core/backend.h"

namespace gradus::cuda_kernels {

// What lies in memory row by row is its own transpose to who reads it by columns.  So to = a b becomes
// toᵀ = bᵀ aᵀ: an (m, n) matrix from the operands `left` = b and `right` = a.
struct GemmForm {
  struct Operand {
    bool transposed = false;
    int64_t leading = 1;  // from one stored column to the next
    int64_t step = 0;     // from one matrix of the batch to the next
    bool operator==(const Operand&) const = default;
  };
  int64_t m = 0, n = 0, k = 0, batch = 1;
  Operand left, right, to;
  bool operator==(const GemmForm&) const = default;
};

// None where a library could not read the operands without a copy: neither of the last two strides is 1, or the
// batches lie at no equal distance.
std::optional<GemmForm> gemm_form(const Elements& a, const Elements& b, const Elements& to);

}  // namespace gradus::cuda_kernels
