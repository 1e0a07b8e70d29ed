#include "gradus/ops/matmul.h"

#include <fmt/core.h>

#include <vector>

#include "gradus/autograd/node.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/gemm.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/reduce.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

// Matrices as the BLAS can read them: one of the last two strides is 1.
Tensor readable(const Tensor& t) {
  const int column = t.rank() - 1, row = column - 1;
  const Shape &shape = t.shape(), &strides = t.strides();
  const bool rows = strides[column] == 1 && strides[row] >= shape[column];
  const bool columns = strides[row] == 1 && strides[column] >= shape[row];
  return rows || columns ? t : dense(t);
}

Shape batch_shape(const Tensor& t) { return Shape(t.shape().begin(), t.shape().end() - 2); }

// The offset of every matrix of t, whose batch dimensions broadcast to `batch`.
std::vector<int64_t> offsets(const Tensor& t, const Shape& batch) {
  const Shape own = batch_shape(t),
              strides = broadcast_strides(t.alias(own, Shape(t.strides().begin(), t.strides().end() - 2)), batch);
  std::vector<int64_t> offsets(size_t(batch.numel()));
  for (size_t i = 0; i < offsets.size(); ++i) {
    int64_t rest = int64_t(i);
    for (int d = batch.rank() - 1; d >= 0; --d) {
      offsets[i] += rest % batch[d] * strides[d];
      rest /= batch[d];
    }
  }
  return offsets;
}

void multiply(const Tensor& a, const Tensor& b, const Shape& batch, Tensor& out) {
  const int64_t n = a.shape()[a.rank() - 2], k = a.shape().back(), m = b.shape().back();
  const Tensor x = readable(a), y = readable(b);
  const std::vector<int64_t> at_x = offsets(x, batch), at_y = offsets(y, batch);
  visit_floating(a.dtype(), [&]<class F>(Type<F>) {
    F* to = out.mutable_data<F>();
    const auto matrix = [](const Tensor& t, int64_t offset) {
      return Matrix{t.data<F>() + offset, t.strides()[t.rank() - 2], t.strides().back()};
    };
    parallel_for(batch.numel(), [&](int64_t i) {
      gemm<F>(n, m, k, matrix(x, at_x[size_t(i)]), matrix(y, at_y[size_t(i)]), to + i * n * m, m);
    });
  });
}

// Both of rank 2 or more, with fitting inner extents.
Tensor product(const Tensor& a, const Tensor& b) {
  const Shape batch = broadcast("matmul", batch_shape(a), batch_shape(b));
  Shape shape = batch;
  shape.push_back(a.shape()[a.rank() - 2]), shape.push_back(b.shape().back());
  Tensor out(shape, a.dtype(), a.device());
  on_cpu(a) ? multiply(a, b, batch, out) : device_multiply("matmul", a, b, {}, out);
  if (recording(a, b))
    record("matmul", out, {&a, &b}, [a = Saved(a), b = Saved(b)](const Tensor& g, Gradients& to) {
      if (to.wants(0)) to[0] = sum_to(matmul(g, transpose(b(), -2, -1)), a().shape());
      if (to.wants(1)) to[1] = sum_to(matmul(transpose(a(), -2, -1), g), b().shape());
    });
  return out;
}

void check(const Tensor& a, const Tensor& b) {
  if (a.device() != b.device())
    throw DeviceError(
        fmt::format("matmul: got tensors on {} and {}; move one with to()", text(a.device()), text(b.device())));
  const bool fits = a.rank() > 0 && b.rank() > 0 && a.shape().back() == b.shape()[b.rank() > 1 ? b.rank() - 2 : 0];
  if (!fits)
    throw ShapeError(fmt::format("matmul: got shapes {} and {}, wanted (N,K) and (K,M); transpose or reshape one",
                                 text(a.shape()), text(b.shape())));
  if (a.dtype() != b.dtype() || !computes(a.dtype()))
    throw DtypeError(fmt::format("matmul: got {} and {}, wanted both float32 or both float64; convert one with to()",
                                 name_of(a.dtype()), name_of(b.dtype())));
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check(a, b);
  if (a.rank() == 1) return squeeze(matmul(unsqueeze(a, 0), b), b.rank() == 1 ? 0 : -2);
  if (b.rank() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  if (a.rank() > 2 && b.rank() == 2) {  // one tall product instead of many
    Shape shape(a.shape().begin(), a.shape().end() - 1);
    const Tensor rows = reshape(a, {shape.numel(), a.shape().back()});
    shape.push_back(b.shape()[1]);
    return reshape(product(rows, b), shape);
  }
  return product(a, b);
}

}  // namespace gradus
