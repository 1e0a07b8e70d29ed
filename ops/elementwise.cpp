#include "gradus/ops/elementwise.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

constexpr int most_inputs = 4;

ElementwiseLoop loop_for(const Elementwise& op, const Tensor* const* inputs) {
  const Dtype dtype = inputs[0]->dtype();
  for (int k = 0; k < op.inputs; ++k) {
    if (inputs[k]->dtype() != dtype)
      throw DtypeError(fmt::format("{}: got {} and {}, wanted one dtype; convert one with to()", op.name, describe(*inputs[0]), describe(*inputs[k])));
    if (inputs[k]->device() != inputs[0]->device())
      throw DeviceError(fmt::format("{}: got tensors on {} and {}; move one with to()", op.name, text(inputs[0]->device()), text(inputs[k]->device())));
  }
  if (dtype == Dtype::float32) return op.single;
  if (dtype == Dtype::float64) return op.precise;
  if (dtype == Dtype::int64 && op.integer) return op.integer;
  throw DtypeError(fmt::format("{}: got {}, wanted float32{} float64{}; convert it with to()", op.name, name_of(dtype), op.integer ? "," : " or", op.integer ? " or int64" : ""));
}

// Dense tensors of one shape: the loop runs over them as they lie.
void run_dense(ElementwiseLoop loop, const Tensor* const* inputs, int count, Tensor& out, const double* constants) {
  const int64_t n = out.numel(), size = size_of(out.dtype());
  void* to = out.mutable_bytes();
  const void* from[most_inputs];
  if (n <= task_elements) {
    for (int k = 0; k < count; ++k) from[k] = inputs[k]->bytes();
    return loop(from, to, n, constants);
  }
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t t) {
    const int64_t start = t * task_elements;
    const void* piece[most_inputs];
    for (int k = 0; k < count; ++k) piece[k] = static_cast<const char*>(inputs[k]->bytes()) + start * size;
    loop(piece, static_cast<char*>(to) + start * size, std::min(task_elements, n - start), constants);
  });
}

// Anything else: blocks of the broadcast inputs are gathered, the output is dense.
template <class F> void run_staged(ElementwiseLoop loop, const Tensor* const* inputs, int count, Tensor& out, const double* constants) {
  Geometry geometry(out.shape());
  for (int k = 0; k < count; ++k) geometry.add(*inputs[k], broadcast_strides(*inputs[k], out.shape()));
  geometry.join();
  const auto& extent = geometry.extent();
  F* to = out.mutable_data<F>();
  const int64_t n = out.numel();
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t t) {
    const Scratch scratch(size_t(count) * block_elements * sizeof(F));
    const int64_t end = std::min(n, (t + 1) * task_elements);
    for (int64_t start = t * task_elements; start < end; start += block_elements) {
      const int64_t length = std::min(block_elements, end - start);
      const void* piece[most_inputs];
      for (int k = 0; k < count; ++k) {
        const View& v = geometry.view(k);
        F* buffer = scratch.as<F>(size_t(k) * block_elements * sizeof(F));
        if (is_dense(v, extent)) piece[k] = static_cast<const F*>(v.data) + start;
        else gather<F, F>(v, extent, start, length, buffer), piece[k] = buffer;
      }
      loop(piece, to + start, length, constants);
    }
  });
}

}  // namespace

Tensor elementwise(const Elementwise& op, const Tensor* const* inputs, const double* constants) {
  const ElementwiseLoop loop = loop_for(op, inputs);
  bool plain = inputs[0]->is_contiguous();
  for (int k = 1; k < op.inputs; ++k) plain &= inputs[k]->is_contiguous() && inputs[k]->shape() == inputs[0]->shape();
  if (plain) {
    Tensor out(inputs[0]->shape(), inputs[0]->dtype());
    run_dense(loop, inputs, op.inputs, out, constants);
    return out;
  }
  Shape shape = inputs[0]->shape();
  for (int k = 1; k < op.inputs; ++k) shape = broadcast(op.name, shape, inputs[k]->shape());
  Tensor out(shape, inputs[0]->dtype());
  if (out.numel() == 0) return out;
  if (out.dtype() == Dtype::float32) run_staged<float>(loop, inputs, op.inputs, out, constants);
  else if (out.dtype() == Dtype::float64) run_staged<double>(loop, inputs, op.inputs, out, constants);
  else run_staged<int64_t>(loop, inputs, op.inputs, out, constants);
  return out;
}

}  // namespace gradus
