#include "gradus/nn/module.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "gradus/autograd/engine.h"
#include "gradus/core/error.h"

namespace gradus {

Parts& Parts::parameter(const std::string& name, Tensor& t) {
  if (t.defined()) parameters_.emplace_back(name, &t);
  return *this;
}
Parts& Parts::buffer(const std::string& name, Tensor& t) {
  if (t.defined()) buffers_.emplace_back(name, &t);
  return *this;
}
Parts& Parts::module(const std::string& name, Module& m) {
  modules_.emplace_back(name, &m);
  return *this;
}

// visit(module, its own parts, prefix of their names) for this module and all below, parents first.
template <class Visit> void Module::walk(const std::string& prefix, Visit visit) {
  Parts own;
  parts(own);
  visit(*this, own, prefix);
  for (auto& [name, module] : own.modules_) module->walk(fmt::format("{}{}.", prefix, name), visit);
}

NamedTensors Module::named_parameters() {
  NamedTensors all;
  walk("", [&](Module&, Parts& own, const std::string& prefix) {
    for (auto& [name, t] : own.parameters_) all.emplace_back(prefix + name, *t);
  });
  return all;
}

NamedTensors Module::named_buffers() {
  NamedTensors all;
  walk("", [&](Module&, Parts& own, const std::string& prefix) {
    for (auto& [name, t] : own.buffers_) all.emplace_back(prefix + name, *t);
  });
  return all;
}

int64_t Module::parameter_count() {
  int64_t n = 0;
  for (const auto& [name, t] : named_parameters()) n += t.numel();
  return n;
}

NamedTensors Module::state_dict() {
  NamedTensors all;
  walk("", [&](Module&, Parts& own, const std::string& prefix) {
    for (auto& [name, t] : own.parameters_) all.emplace_back(prefix + name, t->detach());
    for (auto& [name, t] : own.buffers_) all.emplace_back(prefix + name, t->detach());
  });
  return all;
}

void Module::load_state_dict(const NamedTensors& state) {
  NamedTensors own = state_dict();
  std::vector<std::string> wrong;
  std::vector<std::pair<const Tensor*, Tensor*>> copies;
  for (auto& [name, t] : own) {
    const auto given =
        std::find_if(state.begin(), state.end(), [&name = name](const auto& entry) { return entry.first == name; });
    if (given == state.end()) wrong.push_back(fmt::format("'{}' is missing", name));
    else copies.emplace_back(&given->second, &t);
  }
  std::set<std::string> seen;
  for (const auto& [name, t] : state) {
    const bool known =
        std::any_of(own.begin(), own.end(), [&name = name](const auto& entry) { return entry.first == name; });
    if (!known) wrong.push_back(fmt::format("'{}' is unknown", name));
    else if (!seen.insert(name).second) wrong.push_back(fmt::format("'{}' comes twice", name));
  }
  if (!wrong.empty())
    throw ParamError(fmt::format("load_state_dict: {}; load the state of a model built alike", fmt::join(wrong, ", ")));
  for (size_t i = 0; i < copies.size(); ++i)
    if (const auto [from, to] = copies[i]; !from->defined() || !(from->shape() == to->shape()))
      throw ShapeError(
          fmt::format("load_state_dict: '{}' has shape {}, wanted {}; load the state of a model built alike",
                      own[i].first, from->defined() ? text(from->shape()) : "none", text(to->shape())));
  for (auto& [from, to] : copies) copy_elements(*from, *to);
}

void Module::train(bool on) {
  walk("", [on](Module& m, Parts&, const std::string&) { m.training_ = on; });
}

void Module::compute(Dtype precision) {
  if (precision != Dtype::float32 && precision != Dtype::bfloat16 && precision != Dtype::float16)
    throw DtypeError(fmt::format("Module.compute: got {}, wanted float32, bfloat16 or float16; choose one of those",
                                 name_of(precision)));
  walk("", [precision](Module& m, Parts&, const std::string&) { m.precision_ = precision; });
}

template <class Make> void Module::replace_tensors(Make replacement) {
  std::map<const TensorState*, Tensor> replaced;
  const auto replace = [&](Tensor& t) {
    if (!t.defined()) return;
    Tensor& other = replaced[t.state().get()];
    if (!other.defined()) other = replacement(t);
    if (!other.defined()) return;
    other.requires_grad(t.requires_grad());
    t = other;
  };
  walk("", [&](Module&, Parts& own, const std::string&) {
    for (auto& [name, t] : own.parameters_) replace(*t);
    for (auto& [name, t] : own.buffers_) replace(*t);
  });
}

void Module::to(Dtype dtype) {
  if (!computes(dtype))
    throw DtypeError(fmt::format(
        "Module.to: got {}, wanted float32 or float64; convert saved tensors with to() instead", name_of(dtype)));
  replace_tensors([&](const Tensor& t) {
    if (!is_floating(t.dtype()) || t.dtype() == dtype) return Tensor();
    Tensor converted(t.shape(), dtype, t.device());
    copy_elements(t, converted);
    return converted;
  });
}

void Module::to(Device device) {
  replace_tensors([&](const Tensor& t) {
    if (t.device() == device) return Tensor();
    Tensor moved(t.shape(), t.dtype(), device);
    copy_elements(t, moved);
    return moved;
  });
}

void Module::zero_grad() {
  for (auto& [name, t] : named_parameters()) t.zero_grad();
}

std::vector<std::string> Module::without_gradient() { return gradus::without_gradient(named_parameters()); }

}  // namespace gradus
