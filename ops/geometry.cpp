#include "gradus/ops/geometry.h"

namespace gradus {

Shape broadcast_strides(const Tensor& t, const Shape& shape) {
  Shape strides = Shape::filled(shape.rank(), 0);
  const int shift = shape.rank() - t.rank();
  for (int i = 0; i < t.rank(); ++i) strides[i + shift] = t.shape()[i] == 1 ? 0 : t.strides()[i];
  return strides;
}

int Geometry::add(const Tensor& t, const Shape& strides) {
  if (operands_.empty()) operands_.reserve(max_inputs);  // most often all that come
  operands_.push_back({t.alias(space_, strides), strides});
  return int(operands_.size()) - 1;
}

bool Geometry::joinable(int d) const {
  for (const Operand& o : operands_)
    if (!joinable(o, d)) return false;
  return true;
}

bool Geometry::joinable(const Operand& o) const {
  for (int d = 0; d + 1 < space_.rank(); ++d)
    if (!apart(d) && !joinable(o, d)) return false;
  return true;
}

void Geometry::densify(Operand& o) const {
  o.tensor = dense(o.tensor);
  o.strides = o.tensor.strides();
}

void Geometry::drop_single_dimensions() {
  for (int d = space_.rank() - 1; d >= 0; --d) {
    if (space_[d] != 1 || (folded_ && d == axis_)) continue;
    space_.erase(d);
    axis_ -= d < axis_;
    for (Operand& o : operands_) {
      o.strides.erase(d);
      o.tensor = o.tensor.alias(space_, o.strides);
    }
  }
}

void Geometry::join() {
  drop_single_dimensions();
  const int rank = space_.rank();
  const auto settle = [&] {
    // Groups of dimensions that are one in every operand, from the right; a fold keeps its axis apart.
    std::vector<std::pair<int, int>> groups;  // first and last dimension
    for (int d = rank - 1; d >= 0; --d) {
      if (!groups.empty() && !apart(d) && joinable(d)) groups.back().first = d;
      else groups.push_back({d, d});
    }
    return groups;  // innermost first
  };
  auto groups = settle();
  const auto fits = [&] {
    if (!folded_) return groups.size() <= 3;
    const size_t expected = 1 + size_t(axis_ > 0) + size_t(axis_ + 1 < rank);
    return groups.size() <= expected;
  };
  if (!fits()) {
    for (Operand& o :
         operands_)  // never an output: those are dense as far as their dimensions go, and a copy would be lost
      if (!joinable(o)) densify(o);
    groups = settle();
  }
  // Which of outer, columns, inner each group is.
  int slot = 2;
  if (folded_ && (rank == 0 || axis_ + 1 == rank)) slot = 1;
  views_.assign(operands_.size(), View{});
  for (size_t i = 0; i < operands_.size(); ++i) views_[i].data = operands_[i].tensor.address();
  for (const auto& [first, last] : groups) {
    for (int d = first; d <= last; ++d) extent_[slot] *= space_[d];
    for (size_t i = 0; i < operands_.size(); ++i) views_[i].stride[slot] = operands_[i].strides[last];
    --slot;
  }
}

}  // namespace gradus
