#include "gradus/ops/elementwise.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/threads.h"
#include "gradus/ops/differentiable.h"
#include "gradus/ops/geometry.h"
#include "gradus/ops/staging.h"

namespace gradus {
namespace {

constexpr int most_inputs = 4;

// The dtype that the inputs share; a mask stands apart.
Dtype common_dtype(const Elementwise& op, const Tensor* const* inputs) {
  const int first = op.takes_mask;
  if (op.takes_mask && inputs[0]->dtype() != Dtype::boolean)
    throw DtypeError(fmt::format("{}: got a mask of {}, wanted bool; make one with a comparison", op.name,
                                 name_of(inputs[0]->dtype())));
  const Dtype dtype = inputs[first]->dtype();
  for (int k = first + 1; k < op.inputs; ++k)
    if (inputs[k]->dtype() != dtype)
      throw DtypeError(fmt::format("{}: got {} and {}, wanted one dtype; convert one with to()", op.name,
                                   describe(*inputs[first]), describe(*inputs[k])));
  for (int k = 1; k < op.inputs; ++k)
    if (inputs[k]->device() != inputs[0]->device())
      throw DeviceError(fmt::format("{}: got tensors on {} and {}; move one with to()", op.name,
                                    text(inputs[0]->device()), text(inputs[k]->device())));
  return dtype;
}

ElementwiseLoop loop_for(const Elementwise& op, Dtype dtype) {
  if (dtype == Dtype::float32) return op.single;
  if (dtype == Dtype::float64) return op.precise;
  if (dtype == Dtype::int64 && op.integer) return op.integer;
  if (dtype == Dtype::boolean && op.boolean) return op.boolean;
  throw DtypeError(fmt::format("{}: got {}, wanted float32{} float64{}; convert it with to()", op.name, name_of(dtype),
                               op.integer ? "," : " or", op.integer ? " or int64" : ""));
}

// Dense tensors of one shape: the loop runs over them as they lie.
void run_dense(ElementwiseLoop loop, const Tensor* const* inputs, int count, Tensor& out, const double* constants) {
  const int64_t n = out.numel();
  void* to = out.mutable_bytes();
  const void* from[most_inputs];
  if (n <= task_elements) {
    for (int k = 0; k < count; ++k) from[k] = inputs[k]->bytes();
    return loop(from, to, n, constants);
  }
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t t) {
    const int64_t start = t * task_elements;
    const void* piece[most_inputs];
    for (int k = 0; k < count; ++k)
      piece[k] = static_cast<const char*>(inputs[k]->bytes()) + start * size_of(inputs[k]->dtype());
    loop(piece, static_cast<char*>(to) + start * size_of(out.dtype()), std::min(task_elements, n - start), constants);
  });
}

// n elements of a view from `start`: where they lie when it is dense, else gathered into `buffer`.
const void* block_of(const View& v, const int64_t (&extent)[3], Dtype dtype, int64_t start, int64_t n, void* buffer) {
  if (is_dense(v, extent)) return static_cast<const char*>(v.data) + start * size_of(dtype);
  visit(dtype, [&]<class E>(Type<E>) { gather<E, E>(v, extent, start, n, static_cast<E*>(buffer)); });
  return buffer;
}

// Anything else: blocks of the broadcast inputs are gathered, the output is dense.
void run_staged(ElementwiseLoop loop, const Tensor* const* inputs, int count, Tensor& out, const double* constants) {
  constexpr size_t block_bytes = block_elements * sizeof(double);
  Geometry geometry(out.shape());
  for (int k = 0; k < count; ++k) geometry.add(*inputs[k], broadcast_strides(*inputs[k], out.shape()));
  geometry.join();
  char* to = static_cast<char*>(out.mutable_bytes());
  const int64_t n = out.numel();
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t t) {
    const Scratch scratch(size_t(count) * block_bytes);
    const void* piece[most_inputs];
    const int64_t begin = t * task_elements, end = std::min(n, begin + task_elements);
    for (int64_t start = begin; start < end; start += block_elements) {
      const int64_t length = std::min(block_elements, end - start);
      for (int k = 0; k < count; ++k) {
        const View& v = geometry.view(k);
        if (is_constant(v) && start > begin) continue;  // the first block was full of it
        piece[k] = block_of(v, geometry.extent(), inputs[k]->dtype(), start, length,
                            scratch.as<char>(size_t(k) * block_bytes));
      }
      loop(piece, to + start * size_of(out.dtype()), length, constants);
    }
  });
}

Shape broadcast_shape(const Elementwise& op, const Tensor* const* inputs) {
  Shape shape = inputs[0]->shape();
  for (int k = 1; k < op.inputs; ++k) shape = broadcast(op.name, shape, inputs[k]->shape());
  return shape;
}

Tensor on_device(const Elementwise& op, const Tensor* const* inputs, Dtype result, const double* constants) {
  constexpr double first_where_true[] = {1, 0};
  Tensor out(broadcast_shape(op, inputs), result, inputs[0]->device());
  if (op.takes_mask) device_choose(op.name, inputs, op.inputs, out, op.constants ? constants : first_where_true);
  else if (op.operation < 0) no_kernel(op.name, inputs[0]->device());
  else
    (op.gives_mask ? device_compare : device_operate)(op.name, op.operation, inputs, op.inputs, out, constants,
                                                      op.constants);
  return out;
}

bool small(const TensorState& t) {
  return t.contiguous && computes(t.dtype) && t.numel <= task_elements && t.storage->device.kind == Device::cpu_kind;
}
// Dense, and of small(a)'s shape and dtype.
bool alike(const TensorState& a, const TensorState& b) {
  return &a == &b ||
         (b.contiguous && b.dtype == a.dtype && b.shape == a.shape && b.storage->device.kind == Device::cpu_kind);
}

}  // namespace

// Apart from elementwise(), so that the path of small dense tensors keeps a small frame.
[[gnu::noinline]] Tensor elementwise_with_masks(const Elementwise& op, const Tensor* const* inputs,
                                                const double* constants, Tensor* spare) {
  const Dtype dtype = common_dtype(op, inputs), result = op.gives_mask ? Dtype::boolean : dtype;
  const ElementwiseLoop loop = loop_for(op, dtype);
  if (!on_cpu(*inputs[0])) return on_device(op, inputs, result, constants);
  bool plain = inputs[0]->is_contiguous();
  for (int k = 1; k < op.inputs; ++k)
    plain = plain && inputs[k]->is_contiguous() && inputs[k]->shape() == inputs[0]->shape();
  if (plain) {
    Tensor out = spare && result == dtype ? *spare : Tensor(inputs[0]->shape(), result);
    run_dense(loop, inputs, op.inputs, out, constants);
    return out;
  }
  Tensor out(broadcast_shape(op, inputs), result);
  if (out.numel() > 0) run_staged(loop, inputs, op.inputs, out, constants);
  return out;
}

Tensor elementwise(const Elementwise& op, const Tensor* const* inputs, const double* constants, Tensor* spare) {
  // The path of a small tape: one or two float tensors, dense and of one shape.
  if (!inputs[0]->defined() || !inputs[op.inputs - 1]->defined()) [[unlikely]]
    return elementwise_with_masks(op, inputs, constants);  // which throws
  const TensorState &first = *inputs[0]->state(), &last = *inputs[op.inputs - 1]->state();
  if (op.inputs > 2 || op.gives_mask || !small(first) || !alike(first, last)) [[unlikely]]
    return elementwise_with_masks(op, inputs, constants, spare);
  const void* from[] = {first.data, last.data};
  Tensor out = spare ? std::move(*spare) : Tensor::empty_like(*inputs[0]);
  (first.dtype == Dtype::float32 ? op.single : op.precise)(from, out.state()->data, first.numel, constants);
  return out;
}

bool detail::write_both(const Slopes& loop, const Tensor& g, const Tensor& a, const Tensor& b, Gradients& to) {
  Tensor* spare = to.spare();
  if (!spare || !to.wants(0) || !to.wants(1)) return false;
  const TensorState &arrived = *g.state(), &x = *a.state(), &y = *b.state();
  if (!small(arrived) || !alike(arrived, x) || !alike(arrived, y)) return false;
  Tensor first = Tensor::empty_like(g);
  const SlopesLoop run = arrived.dtype == Dtype::float32 ? loop.single : loop.precise;
  run({arrived.data, x.data, y.data}, first.address(), arrived.data, arrived.numel);
  to[0] = std::move(first);
  to[1] = std::move(*spare);
  return true;
}

}  // namespace gradus
