#include "gradus/optim/optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gradus/core/backend.h"
#include "gradus/core/device_elements.h"
#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/option_checks.h"
#include "gradus/optim/state_reader.h"

namespace gradus {
namespace {

void check_lr(const char* op, double lr) {
  if (!(lr >= 0 && std::isfinite(lr)))
    throw ParamError(fmt::format("{}: got lr = {}, wanted a finite number that is not negative; try 0.001", op, lr));
}

std::string lr_name(size_t group) { return group == 0 ? "lr" : fmt::format("lr.{}", group); }

}  // namespace

void Optimizer::add_parameters(const NamedTensors& parameters, double lr, std::vector<const char*> buffer_names) {
  check_lr(op_, lr);
  if (parameters.empty())
    throw ParamError(fmt::format("{}: got no parameters, wanted at least one; pass model.named_parameters()", op_));
  std::set<std::string> names;
  std::set<const TensorState*> earlier, tensors;
  for (const Slot& slot : slots_) names.insert(slot.name), earlier.insert(slot.parameter.state().get());
  std::vector<Slot> added;
  for (const auto& [name, parameter] : parameters) {
    if (!names.insert(name).second)
      throw ParamError(fmt::format("{}: got two parameters named '{}'; give each its own name", op_, name));
    if (!parameter.defined() || !parameter.is_leaf() || !computes(parameter.dtype()))
      throw ParamError(fmt::format(
          "{}: parameter '{}' is {}, wanted a float32 or float64 leaf; pass what the model's layers hold", op_, name,
          !parameter.defined()   ? "undefined"
          : !parameter.is_leaf() ? fmt::format("made by '{}'", parameter.made_by())
                                 : name_of(parameter.dtype())));
    if (!parameter.is_contiguous())
      throw ParamError(
          fmt::format("{}: parameter '{}' is a strided view, wanted a dense tensor; pass contiguous()", op_, name));
    if (earlier.contains(parameter.state().get()))
      throw ParamError(fmt::format(
          "{}: parameter '{}' stands in another group already, wanted it in one; leave it out of this one", op_, name));
    if (!tensors.insert(parameter.state().get()).second) continue;
    Slot& slot = added.emplace_back();
    slot.name = name;
    slot.parameter = parameter;
    slot.group = groups_.size();
  }
  if (std::none_of(parameters.begin(), parameters.end(),
                   [](const auto& entry) { return entry.second.requires_grad(); }))
    throw ParamError(fmt::format(
        "{}: parameter '{}' does not require a gradient{}, wanted one that trains; call requires_grad(true)", op_,
        parameters.front().first, parameters.size() > 1 ? ", and none of the others does" : ""));
  groups_.push_back({lr, std::move(buffer_names)});
  slots_.insert(slots_.end(), added.begin(), added.end());
}

void Optimizer::check_group(size_t group) const {
  if (group >= groups_.size())
    throw IndexError(
        fmt::format("{}: there is no group {}, wanted one in [0, {}); see groups()", op_, group, groups_.size()));
}

double Optimizer::lr(size_t group) const {
  check_group(group);
  return groups_[group].lr;
}

void Optimizer::set_lr(double lr) {
  check_lr(op_, lr);
  for (Group& group : groups_) group.lr = lr;
}

void Optimizer::set_lr(double lr, size_t group) {
  check_lr(op_, lr);
  check_group(group);
  groups_[group].lr = lr;
}

double& Optimizer::momentum_in(size_t group) const {
  check_group(group);
  double* momentum = const_cast<Optimizer*>(this)->momentum_of(group);
  if (!momentum)
    throw ParamError(
        fmt::format("{}: group {} has no momentum; make the optimiser with one, or leave momentum alone", op_, group));
  return *momentum;
}

double Optimizer::momentum(size_t group) const { return momentum_in(group); }

void Optimizer::set_momentum(double momentum, size_t group) {
  double& place = momentum_in(group);
  check_decay(op_, "momentum", momentum);
  place = momentum;
}

// Before a parameter's first step its buffers are zeros: those of a recorded step before its first replay.
void Optimizer::begin(Slot& slot) {
  const Tensor& p = slot.parameter;
  RecordedStep* const recording = RecordedStep::active();
  for (size_t k = 0; k < groups_[slot.group].buffer_names.size(); ++k) {
    Tensor& buffer = slot.buffers[k];
    const bool anew = recording && !recording->refreshes() && !on_cpu(p);
    if (!buffer.defined()) buffer = anew ? recording->lasting(p.shape(), p.dtype(), 0) : zeros_like(p);
    else if (anew) recording->before_first([buffer]() mutable { fill_elements(buffer, 0); });
    else fill_elements(buffer, 0);
  }
}

// Takes a recorded change of a parameter off the count again where it does not happen.
void Optimizer::watch(size_t slot, RecordedStep& recording) {
  recording.if_abandoned([this, slot] { --slots_[slot].steps; });
  if (const auto* condition = recording.condition_of(slots_[slot].parameter))
    recording.check_each([this, slot, held = condition->held, alive = lifetime_.watch()] {
      if (!alive.expired() && !*held) --slots_[slot].steps;
    });
}

void Optimizer::step() {
  RecordedStep* const recording = RecordedStep::active();
  const bool anew = recording && !recording->refreshes();
  if (anew) recording->before_each([this] { step(); });
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    if (slot.steps == 0) begin(slot);
    ++slot.steps;
    if (anew) watch(i, *recording);
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
  for (const Slot& slot : slots_)
    if (!on_cpu(slot.parameter)) settle_checks(slot.parameter.device());  // which may take steps off the count
  NamedTensors all;
  for (size_t g = 0; g < groups_.size(); ++g) all.emplace_back(lr_name(g), scalar(groups_[g].lr, Dtype::float64));
  for (const Slot& slot : slots_) {
    if (slot.steps == 0) continue;
    all.emplace_back(slot.name + ".step", from_data(&slot.steps, {}));
    const auto& names = groups_[slot.group].buffer_names;
    for (size_t k = 0; k < names.size(); ++k) all.emplace_back(slot.name + "." + names[k], copy_of(slot.buffers[k]));
  }
  return all;
}

void Optimizer::load_state(const NamedTensors& state) {
  StateReader reader(op_, "optimiser", state);
  std::vector<Group> groups = groups_;
  for (size_t g = 0; g < groups.size(); ++g)
    check_lr(op_, groups[g].lr = reader.take(lr_name(g), {}, Dtype::float64).item());
  std::vector<Slot> slots = slots_;
  for (Slot& slot : slots) {
    slot.steps = 0;
    if (!reader.find(slot.name + ".step")) continue;
    slot.steps = reader.take(slot.name + ".step", {}, Dtype::int64).item_integer();
    if (slot.steps < 1)
      throw ParamError(fmt::format("{}: load_state got '{}.step' = {}, wanted at least 1; restore another state", op_,
                                   slot.name, slot.steps));
    const auto& names = groups[slot.group].buffer_names;
    for (size_t k = 0; k < names.size(); ++k)
      slot.buffers[k] = reader.take(slot.name + "." + names[k], slot.parameter.shape(), slot.parameter.dtype());
  }
  reader.finish();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if ((slot.steps = slots[i].steps) > 0) {
      for (size_t k = 0; k < groups[slot.group].buffer_names.size(); ++k)
        if (slot.buffers[k].defined()) copy_elements(slots[i].buffers[k], slot.buffers[k]);
        else slot.buffers[k] = to(copy_of(slots[i].buffers[k]), slot.parameter.device());
    }
  }
  groups_ = std::move(groups);
}

}  // namespace gradus
