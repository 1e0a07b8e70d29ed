#include "gradus/ops/factories.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "gradus/core/convert.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"

namespace gradus {

Tensor empty(const Shape& shape, Dtype dtype, Device device) { return Tensor(shape, dtype, device); }

Tensor full(const Shape& shape, double value, Dtype dtype, Device device) {
  Tensor t(shape, dtype, device);
  fill_elements(t, value);
  return t;
}

Tensor zeros(const Shape& shape, Dtype dtype, Device device) {
  if (device != cpu) return full(shape, 0, dtype, device);
  Tensor t(shape, dtype);
  std::memset(t.mutable_bytes(), 0, size_t(t.numel() * size_of(dtype)));
  return t;
}

Tensor ones(const Shape& shape, Dtype dtype, Device device) { return full(shape, 1, dtype, device); }
Tensor zeros_like(const Tensor& t) { return zeros(t.shape(), t.dtype(), t.device()); }
Tensor ones_like(const Tensor& t) { return ones(t.shape(), t.dtype(), t.device()); }

Tensor tensor(const std::vector<double>& values, const Shape& shape, Dtype dtype) {
  if (int64_t(values.size()) != shape.numel())
    throw ShapeError(
        fmt::format("tensor: got {} values for shape {}, wanted {}", values.size(), text(shape), shape.numel()));
  Tensor t(shape, dtype);
  visit(dtype, [&]<class T>(Type<T>) {
    T* to = t.mutable_data<T>();
    for (double v : values) *to++ = convert<T>(v);
  });
  return t;
}

Shape NestedList::shape() const {
  if (!list_) return {};
  if (items_.empty()) return {0};
  Shape inner = items_[0].shape();
  for (const NestedList& item : items_)
    if (!(item.shape() == inner))
      throw ShapeError(
          fmt::format("tensor: got nested lists of shapes {} and {}, wanted all alike; fill up the shorter one",
                      text(inner), text(item.shape())));
  inner.insert(0, int64_t(items_.size()));
  return inner;
}

void NestedList::append_to(std::vector<double>& values) const {
  if (!list_) values.push_back(value_);
  for (const NestedList& item : items_) item.append_to(values);
}

Tensor tensor(const NestedList& values, Dtype dtype) {
  std::vector<double> flat;
  const Shape shape = values.shape();
  values.append_to(flat);
  return tensor(flat, shape, dtype);
}

Tensor scalar(double value, Dtype dtype, Device device) { return full({}, value, dtype, device); }

Tensor labels(std::initializer_list<int64_t> values) { return from_data(values.begin(), {int64_t(values.size())}); }

}  // namespace gradus
