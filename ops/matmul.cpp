#include "gradus/ops/matmul.h"

#include <fmt/core.h>

#include "gradus/autograd/node.h"
#include "gradus/core/error.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

// A matrix as the BLAS can read it: one of its strides is 1.
Tensor readable(const Tensor& t) {
  const bool rows = t.strides()[1] == 1 && t.strides()[0] >= t.shape()[1], columns = t.strides()[0] == 1 && t.strides()[1] >= t.shape()[0];
  return rows || columns ? t : dense(t);
}
Matrix matrix(const Tensor& t) { return {t.bytes(), t.strides()[0], t.strides()[1]}; }

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.rank() != 2 || b.rank() != 2 || a.shape()[1] != b.shape()[0])
    throw ShapeError(fmt::format("matmul: got shapes {} and {}, wanted (N,K) and (K,M); transpose or reshape one", text(a.shape()), text(b.shape())));
  if (a.dtype() != b.dtype() || !computes(a.dtype()))
    throw DtypeError(fmt::format("matmul: got {} and {}, wanted both float32 or both float64; convert one with to()", name_of(a.dtype()), name_of(b.dtype())));
  const Tensor x = readable(a), y = readable(b);
  Tensor out({a.shape()[0], b.shape()[1]}, a.dtype());
  visit_floating(a.dtype(), [&]<class F>(Type<F>) {
    gemm<F>(a.shape()[0], b.shape()[1], a.shape()[1], matrix(x), matrix(y), out.mutable_data<F>(), b.shape()[1]);
  });
  if (recording(a, b))
    record("matmul", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = matmul(g, transpose(b(), 0, 1));
      if (to.wants(1)) to[1] = matmul(transpose(a(), 0, 1), g);
    });
  return out;
}

}  // namespace gradus
