#include "gradus/optim/optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gradus/core/error.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

void check_lr(const char* op, double lr) {
  if (!(lr >= 0 && std::isfinite(lr)))
    throw ParamError(fmt::format("{}: got lr = {}, wanted a finite number that is not negative; try 0.001", op, lr));
}

Tensor copy_of(const Tensor& t) {
  Tensor copy(t.shape(), t.dtype());
  copy_elements(t, copy);
  return copy;
}

}  // namespace

Optimizer::Optimizer(const char* op, const NamedTensors& parameters, double lr, std::vector<const char*> buffer_names)
    : op_(op), lr_(lr), buffer_names_(std::move(buffer_names)) {
  check_lr(op, lr);
  std::set<std::string> names;
  for (const auto& [name, parameter] : parameters) {
    if (!names.insert(name).second)
      throw ParamError(fmt::format("{}: got two parameters named '{}'; give each its own name", op, name));
    if (!parameter.defined() || !parameter.is_leaf() || !computes(parameter.dtype()))
      throw ParamError(fmt::format(
          "{}: parameter '{}' is {}, wanted a float32 or float64 leaf; pass what the model's layers hold", op, name,
          !parameter.defined()   ? "undefined"
          : !parameter.is_leaf() ? fmt::format("made by '{}'", parameter.made_by())
                                 : name_of(parameter.dtype())));
    if (!parameter.is_contiguous())
      throw ParamError(
          fmt::format("{}: parameter '{}' is a strided view, wanted a dense tensor; pass contiguous()", op, name));
    Slot& slot = slots_.emplace_back();
    slot.name = name;
    slot.parameter = parameter;
  }
}

void Optimizer::set_lr(double lr) {
  check_lr(op_, lr);
  lr_ = lr;
}

void Optimizer::step() {
  for (Slot& slot : slots_) {
    const Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    if (slot.steps == 0)
      for (size_t k = 0; k < buffer_names_.size(); ++k)
        slot.buffers[k] = zeros(slot.parameter.shape(), slot.parameter.dtype());
    ++slot.steps;
    update(slot, dense(gradient));
  }
}

void Optimizer::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.zero_grad();
}

std::vector<std::string> Optimizer::without_gradient() const {
  std::vector<std::string> names;
  for (const Slot& slot : slots_)
    if (!slot.parameter.grad().defined()) names.push_back(slot.name);
  return names;
}

NamedTensors Optimizer::state() const {
  NamedTensors all = {{"lr", scalar(lr_, Dtype::float64)}};
  for (const Slot& slot : slots_) {
    if (slot.steps == 0) continue;
    all.emplace_back(slot.name + ".step", from_data(&slot.steps, {}));
    for (size_t k = 0; k < buffer_names_.size(); ++k)
      all.emplace_back(slot.name + "." + buffer_names_[k], copy_of(slot.buffers[k]));
  }
  return all;
}

void Optimizer::load_state(const NamedTensors& state) {
  std::set<std::string> unread;
  for (const auto& [name, tensor] : state)
    if (!unread.insert(name).second)
      throw ParamError(fmt::format("{}: load_state got '{}' twice; pass what state() returned", op_, name));
  const auto find = [&](const std::string& name) -> const Tensor* {
    const auto it = std::find_if(state.begin(), state.end(), [&](const auto& entry) { return entry.first == name; });
    unread.erase(name);
    return it == state.end() ? nullptr : &it->second;
  };
  const auto wanted = [&](const std::string& name, const Shape& shape, Dtype dtype) {
    const Tensor* t = find(name);
    if (!t) throw ParamError(fmt::format("{}: load_state found no '{}'; pass what state() returned", op_, name));
    if (!(t->shape() == shape) || t->dtype() != dtype)
      throw ShapeError(fmt::format("{}: load_state got '{}' as {}, wanted {} {}; restore the state of the same model",
                                   op_, name, describe(*t), name_of(dtype), text(shape)));
    return *t;
  };
  const double lr = wanted("lr", {}, Dtype::float64).item();
  check_lr(op_, lr);
  std::vector<Slot> slots = slots_;
  for (Slot& slot : slots) {
    slot.steps = 0;
    if (!find(slot.name + ".step")) continue;
    slot.steps = wanted(slot.name + ".step", {}, Dtype::int64).item_integer();
    for (size_t k = 0; k < buffer_names_.size(); ++k)
      slot.buffers[k] =
          copy_of(wanted(slot.name + "." + buffer_names_[k], slot.parameter.shape(), slot.parameter.dtype()));
  }
  if (!unread.empty())
    throw ParamError(
        fmt::format("{}: load_state got '{}', which is no state of this optimiser; restore the state of the same model",
                    op_, *unread.begin()));
  lr_ = lr;
  slots_ = std::move(slots);
}

}  // namespace gradus
