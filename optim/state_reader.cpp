#include "gradus/optim/state_reader.h"

#include <fmt/core.h>

#include <algorithm>

#include "gradus/core/error.h"

namespace gradus {

StateReader::StateReader(const char* op, const char* owner, const NamedTensors& state)
    : op_(op), owner_(owner), state_(state) {
  for (const auto& [name, tensor] : state) {
    if (!unread_.insert(name).second)
      throw ParamError(fmt::format("{}: load_state got '{}' twice; pass what state() returned", op, name));
    if (!tensor.defined())
      throw ParamError(fmt::format("{}: load_state got '{}' undefined; pass what state() returned", op, name));
  }
}

const Tensor* StateReader::find(const std::string& name) {
  const auto it = std::find_if(state_.begin(), state_.end(), [&](const auto& entry) { return entry.first == name; });
  unread_.erase(name);
  return it == state_.end() ? nullptr : &it->second;
}

Tensor StateReader::take(const std::string& name, const Shape& shape, Dtype dtype) {
  const Tensor* t = find(name);
  if (!t) throw ParamError(fmt::format("{}: load_state found no '{}'; pass what state() returned", op_, name));
  if (!(t->shape() == shape) || t->dtype() != dtype)
    throw ShapeError(fmt::format("{}: load_state got '{}' as {}, wanted {} {}; restore the state of the same model",
                                 op_, name, describe(*t), name_of(dtype), text(shape)));
  return *t;
}

void StateReader::finish() const {
  if (!unread_.empty())
    throw ParamError(
        fmt::format("{}: load_state got '{}', which is no state of this {}; restore the state of the same model", op_,
                    *unread_.begin(), owner_));
}

Tensor copy_of(const Tensor& t) {
  Tensor copy(t.shape(), t.dtype());
  copy_elements(t, copy);
  return copy;
}

}  // namespace gradus
