// Reads a saved state entry by entry, and leaves no entry unread: what load_state() of optimisers, schedules and
// averages share.
#pragma once
#include <set>
#include <string>

#include "gradus/core/named_tensors.h"

namespace gradus {

class StateReader {
 public:
  // `op` and `owner` ("optimiser") stand in errors. Throws ParamError when a name comes twice.
  StateReader(const char* op, const char* owner, const NamedTensors& state);
  // Null when there is none.
  const Tensor* find(const std::string& name);
  // Throws ParamError when it is missing, ShapeError when shape or dtype differ.
  Tensor take(const std::string& name, const Shape& shape, Dtype dtype);
  // Throws ParamError when an entry was not asked for.
  void finish() const;

 private:
  const char *op_, *owner_;
  const NamedTensors& state_;
  std::set<std::string> unread_;
};

// A dense copy, below the graph.
Tensor copy_of(const Tensor& t);

}  // namespace gradus
