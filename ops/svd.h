// Singular value decomposition.
#pragma once
#include "gradus/core/tensor.h"

namespace gradus {

struct Svd {
  Tensor u, s, v;
};

// (…,M,N) = u diag(s) vᵀ with K = min(M,N): u (…,M,K), s (…,K) in falling order, v (…,N,K).
// Gradients of u and v exist where the singular values differ, and are those of a function that does not depend on the
// signs of the singular vectors; that of s exists everywhere.  DomainError when x holds NaN or infinity.
Svd svd(const Tensor& x);

}  // namespace gradus
