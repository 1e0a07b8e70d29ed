// Making tensors: constants, ranges, values from nested lists or raw memory.
#pragma once
#include <initializer_list>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

Tensor empty(const Shape& shape, Dtype dtype = Dtype::float32, Device device = cpu);  // uninitialised
Tensor full(const Shape& shape, double value, Dtype dtype = Dtype::float32, Device device = cpu);
Tensor zeros(const Shape& shape, Dtype dtype = Dtype::float32, Device device = cpu);
Tensor ones(const Shape& shape, Dtype dtype = Dtype::float32, Device device = cpu);
Tensor zeros_like(const Tensor& t);
Tensor ones_like(const Tensor& t);

// The values of `data`, row-major, in `shape`; ShapeError when their number does not fit.
template <class T> Tensor from_data(const T* data, const Shape& shape) {
  Tensor t(shape, dtype_of<T>);
  T* to = t.mutable_data<T>();
  for (int64_t i = 0, n = t.numel(); i < n; ++i) to[i] = data[i];
  return t;
}
Tensor tensor(const std::vector<double>& values, const Shape& shape, Dtype dtype = Dtype::float32);
// Nested lists of any depth: tensor({1, 2, 3}), tensor({{1, 2}, {3, 4}}); ShapeError when rows differ in length.
class NestedList {
 public:
  NestedList(double value) : value_(value) {}  // NOLINT: implicit, so that lists nest
  NestedList(std::initializer_list<NestedList> items) : items_(items), list_(true) {}  // NOLINT
  Shape shape() const;
  void append_to(std::vector<double>& values) const;

 private:
  double value_ = 0;
  std::vector<NestedList> items_;
  bool list_ = false;
};
Tensor tensor(const NestedList& values, Dtype dtype = Dtype::float32);
Tensor scalar(double value, Dtype dtype = Dtype::float32, Device device = cpu);  // shape ()
Tensor labels(std::initializer_list<int64_t> values);                            // int64

}  // namespace gradus
