#include "gradus/core/device_elements.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "gradus/core/backend.h"
#include "gradus/core/convert.h"
#include "gradus/core/error.h"
#include "gradus/core/operations.h"
#include "gradus/core/recorded_step.h"

namespace gradus {
namespace {

Elements elements(const Tensor& t) {
  Elements e;
  e.data = t.state()->data;
  e.dtype = t.dtype();
  e.rank = t.rank();
  std::copy_n(t.shape().begin(), e.rank, e.extent);
  std::copy_n(t.strides().begin(), e.rank, e.stride);
  return e;
}

// Of a tensor as it repeats along a wider shape.
Elements broadcast_elements(const Tensor& t, const Shape& shape) {
  Elements e = elements(t);
  const int shift = shape.rank() - t.rank();
  e.rank = shape.rank();
  for (int i = shape.rank() - 1; i >= 0; --i) {
    e.stride[i] = i >= shift && t.shape()[i - shift] != 1 ? t.strides()[i - shift] : 0;
    e.extent[i] = shape[i];
  }
  return e;
}

// Of a tensor that `op` is about to write.
Elements written(const char* op, const Tensor& t) {
  note_maker(op, t.device(), t.state()->data);
  return elements(t);
}

OperationCall operation_call(const char* op, const Tensor* const* inputs, int count, const Tensor& to,
                             const double* constants, int constant_count) {
  OperationCall call;
  call.name = op;
  call.to = written(op, to);
  for (int k = 0; k < count; ++k) call.in[k] = broadcast_elements(*inputs[k], to.shape());
  std::copy_n(constants, constant_count, call.constants);
  return call;
}

}  // namespace

bool device_convolve(const char* op, ConvolutionCall call, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Device d = x.device();
  call.dtype = x.dtype();
  call.x = written(op, x).data, call.w = written(op, w).data, call.y = written(op, y).data;  // one of them is
  bool taken = false;
  check_device(op, d, backend(op, d).convolve(d.index, call, &taken));
  return taken;
}

void device_update(int place, const void* rule, size_t rule_bytes, const Tensor& gradient, Tensor* buffers, int count,
                   Tensor& parameter) {
  const Device d = parameter.device();
  UpdateCall call;
  if (RecordedStep* recording = RecordedStep::active()) {
    call.rule_there = recording->varying(rule, rule_bytes);
    if (recording->refreshes()) return;
    if (const auto* condition = recording->condition_of(parameter))
      call.only_if = static_cast<const bool*>(elements(condition->flag).data);
  }
  call.dtype = parameter.dtype(), call.count = parameter.numel();
  call.parameter = elements(parameter).data, call.gradient = elements(gradient).data;
  for (int k = 0; k < count; ++k) call.buffer[k] = elements(buffers[k]).data, buffers[k].bump_version();
  parameter.bump_version();
  check_device("step", d, backend("step", d).update(d.index, place, rule, call));
}

void read_bytes(Device device, void* to, const void* from, int64_t bytes) {
  RecordedStep::refuse("copy", "reads numbers of a device");
  settle_checks(device);
  write_bytes(device, to, from, bytes);
}
void write_bytes(Device device, void* to, const void* from, int64_t bytes) {
  RecordedStep::refuse("copy", "moves numbers between the CPU and a device");
  check_device("copy", device, backend("copy", device).copy(device.index, to, from, bytes));
}

void device_average(const char* op, Device device, const AverageCall& call) {
  check_device(op, device, backend(op, device).average(device.index, call));
}

void copy_elements_with_device(const Tensor& from, Tensor& to) {
  if (from.device() == to.device()) {
    const Device d = to.device();
    to.bump_version();
    return check_device("copy", d, backend("copy", d).convert(d.index, elements(from), written("copy", to)));
  }
  const Tensor source = dense(from);
  if (to.is_contiguous() && to.dtype() == from.dtype()) {
    to.bump_version();
    const int64_t bytes = from.numel() * size_of(from.dtype());
    if (!on_cpu(to)) note_maker("copy", to.device(), to.state()->data);
    return on_cpu(to) ? read_bytes(from.device(), to.state()->data, source.state()->data, bytes)
                      : write_bytes(to.device(), to.state()->data, source.state()->data, bytes);
  }
  Tensor landed(from.shape(), from.dtype(), to.device());
  copy_elements_with_device(source, landed);
  copy_elements(landed, to);
}

void fill_elements(Tensor& t, double value) {
  if (!on_cpu(t)) {
    const Device d = t.device();
    t.bump_version();
    return check_device("fill", d, backend("fill", d).fill(d.index, written("fill", t), value));
  }
  visit(t.dtype(), [&]<class T>(Type<T>) { std::fill_n(t.mutable_data<T>(), t.numel(), convert<T>(value)); });
}

void device_operate(const char* op, int operation, const Tensor* const* inputs, int count, Tensor& to,
                    const double* constants, int constant_count) {
  const Device d = to.device();
  const OperationCall call = operation_call(op, inputs, count, to, constants, constant_count);
  check_device(op, d, backend(op, d).operate(d.index, operation, call));
}

void device_compare(const char* op, int comparison, const Tensor* const* inputs, int count, Tensor& to,
                    const double* constants, int constant_count) {
  const Device d = to.device();
  const OperationCall call = operation_call(op, inputs, count, to, constants, constant_count);
  check_device(op, d, backend(op, d).compare(d.index, comparison, call));
}

void device_choose(const char* op, const Tensor* const* inputs, int count, Tensor& to, const double* constants) {
  const Device d = to.device();
  const OperationCall call = operation_call(op, inputs, count, to, constants, OperationCall::most_constants);
  check_device(op, d, backend(op, d).choose(d.index, call));
}

void device_add(Tensor& into, const Tensor& more) {
  const Tensor* both[] = {&into, &more};
  into.bump_version();
  device_operate("add", operations::All::place<operations::Entry<operations::Add, 2>>(), both, 2, into, nullptr, 0);
}

void device_multiply(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& to) {
  const Device d = to.device();
  const auto batched = [&](const Tensor& t) {
    Shape shape = to.shape();
    for (int i = 1; i <= 2; ++i) shape[shape.rank() - i] = t.shape()[t.rank() - i];
    return broadcast_elements(t, shape);
  };
  const Elements added = bias.defined() ? elements(bias) : Elements();
  check_device(op, d, backend(op, d).multiply(d.index, batched(a), batched(b), added, written(op, to)));
}

Tensor device_reduce(const char* op, Monoid monoid, const Tensor& x, const Shape& shape) {
  const Device d = x.device();
  Tensor out(shape, is_floating(x.dtype()) ? x.dtype() : Dtype::int64, d);
  check_device(op, d, backend(op, d).reduce(d.index, monoid, elements(x), written(op, out)));
  return out;
}

Tensor device_find(const char* op, const Tensor& x, const Tensor& wanted) {
  const Device d = x.device();
  Tensor out(wanted.shape(), Dtype::int64, d);
  check_device(op, d, backend(op, d).find(d.index, elements(x), elements(wanted), written(op, out)));
  return out;
}

void device_gather(const char* op, const Tensor& x, int dim, const Tensor& index, Tensor& to) {
  const Device d = to.device();
  to.bump_version();
  check_device(
      op, d, backend(op, d).gather(d.index, elements(x), dim, broadcast_elements(index, to.shape()), written(op, to)));
}

void device_scatter(const char* op, const Tensor& x, int dim, const Tensor& index, Tensor& to) {
  const Device d = to.device();
  to.bump_version();
  check_device(
      op, d, backend(op, d).scatter(d.index, elements(x), dim, broadcast_elements(index, x.shape()), written(op, to)));
}

void device_scan(const char* op, const Tensor& factors, const Tensor& terms, int dim, bool down, double start,
                 Tensor& to) {
  const Device d = to.device();
  const auto given = [](const Tensor& t) { return t.defined() ? elements(t) : Elements(); };
  to.bump_version();
  check_device(op, d, backend(op, d).scan(d.index, given(factors), given(terms), dim, down, start, written(op, to)));
}

void device_order(const char* op, const Tensor& x, int dim, bool descending, Tensor& to) {
  const Device d = to.device();
  check_device(op, d, backend(op, d).order(d.index, elements(x), dim, descending, written(op, to)));
}

Tensor device_thin(const char* op, const Tensor& x, const MaskCall& mask) {
  const Device d = x.device();
  Tensor out(x.shape(), x.dtype(), d);
  check_device(op, d, backend(op, d).thin(d.index, elements(x), mask, written(op, out)));
  return out;
}

void no_kernel(const char* op, Device device) {
  throw DeviceError(fmt::format("{}: has no kernel on {}; move its tensors with to(x, cpu)", op, text(device)));
}

}  // namespace gradus
