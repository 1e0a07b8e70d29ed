#include "gradus/core/device_elements.h"

#include <fmt/core.h>

#include <algorithm>
#include <new>

#include "gradus/core/backend.h"
#include "gradus/core/convert.h"
#include "gradus/core/error.h"
#include "gradus/core/pool.h"

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

void free_device_storage(Counted* counted) noexcept {
  auto* storage = static_cast<Storage*>(counted);
  backend("release", storage->device).release(storage->device.index, storage->data);
  storage->~Storage();
  pool::release(storage, sizeof(Storage), pool::Kind::data);
}

}  // namespace

Ref<Storage> allocate_on_device(int64_t bytes, Device device) {
  const Backend& b = backend("allocate", device);
  void* data = b.allocate(device.index, bytes);
  if (!data)
    throw MemoryError(fmt::format("allocate: {} has no room for {} bytes ({}); free tensors or make them smaller",
                                  text(device), bytes, b.error()));
  void* block = pool::allocate(sizeof(Storage), pool::Kind::data);
  return Ref<Storage>::adopt(::new (block) Storage(data, bytes, device, &free_device_storage));
}

void copy_bytes(Device device, void* to, const void* from, int64_t bytes) {
  check_device("copy", device, backend("copy", device).copy(device.index, to, from, bytes));
}

void copy_elements_with_device(const Tensor& from, Tensor& to) {
  if (from.device() == to.device()) {
    const Device d = to.device();
    to.bump_version();
    return check_device("copy", d, backend("copy", d).convert(d.index, elements(from), elements(to)));
  }
  const Tensor source = dense(from);
  if (to.is_contiguous() && to.dtype() == from.dtype()) {
    to.bump_version();
    return copy_bytes(on_cpu(to) ? from.device() : to.device(), to.state()->data, source.state()->data,
                      from.numel() * size_of(from.dtype()));
  }
  Tensor landed(from.shape(), from.dtype(), to.device());
  copy_elements_with_device(source, landed);
  copy_elements(landed, to);
}

void fill_elements(Tensor& t, double value) {
  if (!on_cpu(t)) {
    const Device d = t.device();
    t.bump_version();
    return check_device("fill", d, backend("fill", d).fill(d.index, elements(t), value));
  }
  visit(t.dtype(), [&]<class T>(Type<T>) { std::fill_n(t.mutable_data<T>(), t.numel(), convert<T>(value)); });
}

Tensor device_scaled(const Tensor& x, double a) {
  const Device d = x.device();
  Tensor out(x.shape(), x.dtype(), d);
  check_device("mul", d, backend("mul", d).combine(d.index, elements(out), elements(x), a, {}, 0));
  return out;
}

void device_add(Tensor& into, const Tensor& more) {
  const Device d = into.device();
  into.bump_version();
  const Elements sum = elements(into);
  check_device("add", d, backend("add", d).combine(d.index, sum, sum, 1, elements(more), 1));
}

Tensor device_sum(const Tensor& x, const Shape& shape) {
  const Device d = x.device();
  Tensor out(shape, x.dtype(), d);
  check_device("sum", d, backend("sum", d).sum(d.index, elements(x), elements(out)));
  return out;
}

void no_kernel(const char* op, Device device) {
  throw DeviceError(fmt::format("{}: has no kernel on {}; move its tensors with to(x, cpu)", op, text(device)));
}

}  // namespace gradus
