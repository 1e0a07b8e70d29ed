#include "gradus/optim/weight_average.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "gradus/core/error.h"
#include "gradus/core/recorded_step.h"
#include "gradus/core/update_rules.h"
#include "gradus/ops/cast.h"
#include "gradus/ops/factories.h"
#include "gradus/optim/fused_update.h"
#include "gradus/optim/option_checks.h"
#include "gradus/optim/state_reader.h"

namespace gradus {
namespace {

constexpr const char* count_name = "updates";

}  // namespace

WeightAverage::WeightAverage(const NamedTensors& weights, const WeightAverageOptions& options) : options_(options) {
  constexpr const char* op = "WeightAverage";
  check_decay(op, "decay", options.decay);
  std::set<std::string> names = {count_name};
  std::set<const void*> elements;
  for (const auto& [name, weight] : weights) {
    if (!weight.defined() || !weight.is_contiguous())
      throw ParamError(fmt::format("{}: '{}' is {}, wanted a dense tensor; pass what the model's layers hold", op, name,
                                   weight.defined() ? "a strided view" : "undefined"));
    if (!names.insert(name).second)
      throw ParamError(fmt::format("{}: got two weights named '{}'; give each its own name", op, name));
    if (weight.numel() > 0 && !elements.insert(weight.state()->data).second)
      continue;  // tied weights are averaged once
    slots_.push_back({name, weight.detach(), weight.detach().clone()});
  }
}

void WeightAverage::update() {
  RecordedStep* const recording = RecordedStep::active();
  if (recording && !recording->refreshes()) recording->before_each([this] { update(); });
  ++updates_;
  const double t = double(updates_);
  const double decay = options_.warm_up ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
  for (Slot& slot : slots_) {
    if (computes(slot.weight.dtype()))
      fused_update(slot.average, slot.weight, nullptr, update_rules::RunningMean{decay});
    else if (!recording || !recording->refreshes()) copy_elements(slot.weight, slot.average);
  }
}

void WeightAverage::swap() {
  for (Slot& slot : slots_) {
    const Tensor weight = slot.weight.clone();
    copy_elements(slot.average, slot.weight);
    copy_elements(weight, slot.average);
  }
}

NamedTensors WeightAverage::averaged() const {
  NamedTensors all;
  for (const Slot& slot : slots_) all.emplace_back(slot.name, slot.average);
  return all;
}

NamedTensors WeightAverage::state() const {
  NamedTensors all = {{count_name, from_data(&updates_, {})}};
  for (const Slot& slot : slots_) all.emplace_back(slot.name, copy_of(slot.average));
  return all;
}

void WeightAverage::load_state(const NamedTensors& state) {
  StateReader reader("WeightAverage", "average", state);
  const int64_t updates = reader.take(count_name, {}, Dtype::int64).item_integer();
  std::vector<Tensor> averages;
  for (const Slot& slot : slots_)
    averages.push_back(
        to(copy_of(reader.take(slot.name, slot.weight.shape(), slot.weight.dtype())), slot.weight.device()));
  reader.finish();
  updates_ = updates;
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].average = averages[i];
}

}  // namespace gradus
