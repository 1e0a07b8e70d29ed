#include "gradus/cli/rate_schedule.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gradus/cli/choices.h"
#include "gradus/core/error.h"
#include "gradus/ops/factories.h"

namespace gradus {
namespace {

constexpr const char* step_name = "step";

// A function of the step, `steps` of them an epoch and `total` in all.
Schedule falling(const TrainOptions& o, int64_t steps, int64_t total) {
  if (o.schedule == "step") return step_decay(o.every * steps, o.gamma);
  if (o.schedule == "multi-step") {
    std::vector<int64_t> milestones;
    for (const int64_t epoch : o.milestones) milestones.push_back(epoch * steps);
    return multi_step_decay(milestones, o.gamma);
  }
  if (o.schedule == "exponential") return exponential_decay(std::pow(o.gamma, 1 / double(steps)));
  if (o.schedule == "cosine") return cosine_annealing(total);
  if (o.schedule == "cosine-restarts") return cosine_restarts(o.every * steps);
  return [](double base, int64_t) { return base; };
}

bool has_momentum(const std::string& optimizer) {
  return optimizer != "rmsprop" && optimizer != "adagrad" && optimizer != "adadelta";
}

}  // namespace

void check_schedule_options(const TrainOptions& o) {
  choose("--schedule", o.schedule,
         {"cosine", "constant", "step", "multi-step", "exponential", "cosine-restarts", "one-cycle", "plateau"});
  if (!(o.gamma > 0 && o.gamma < 1))
    throw ParamError(fmt::format("--gamma: got {}, wanted a number in (0, 1); try 0.1", o.gamma));
  if (o.every < 1) throw ParamError(fmt::format("--every: got {}, wanted at least 1; try 10", o.every));
  if (o.patience < 0) throw ParamError(fmt::format("--patience: got {}, wanted at least 0; try 3", o.patience));
  if (o.warm_up < 0) throw ParamError(fmt::format("--warm-up: got {}, wanted at least 0; try 100", o.warm_up));
  for (const int64_t epoch : o.milestones)
    if (epoch < 1) throw ParamError(fmt::format("--milestones: got {}, wanted epochs of at least 1; try 10,15", epoch));
  if (o.schedule == "multi-step" && o.milestones.empty())
    throw ParamError("--milestones: got none, wanted the epochs after which the rate falls; try 10,15");
  if (o.warm_up > 0 && (o.schedule == "one-cycle" || o.schedule == "plateau"))
    throw ParamError(
        fmt::format("--warm-up: got {} with --schedule {}, {}; leave --warm-up out", o.warm_up, o.schedule,
                    o.schedule == "plateau" ? "which begins at the rate itself" : "which warms up itself"));
}

RateSchedule::RateSchedule(Optimizer& optimizer, const TrainOptions& o, int64_t steps) {
  const int64_t total = o.epochs * steps;
  if (o.warm_up >= total)
    throw ParamError(fmt::format("--warm-up: got {} steps, but the training has {}; name fewer", o.warm_up, total));
  if (o.schedule == "plateau") {
    plateau_.emplace(optimizer, ReduceOnPlateauOptions{.factor = o.gamma, .patience = o.patience});
  } else if (o.schedule == "one-cycle") {
    const OneCycleOptions cycle{.steps = total};
    scheduler_.emplace(optimizer, one_cycle(cycle), has_momentum(o.optimizer) ? one_cycle_momentum(cycle) : Schedule());
  } else if (o.warm_up > 0) {
    scheduler_.emplace(optimizer, sequence(linear_warm_up(o.warm_up), o.warm_up, falling(o, steps, total - o.warm_up)));
  } else {
    scheduler_.emplace(optimizer, falling(o, steps, total));
  }
}

void RateSchedule::step() {
  if (scheduler_) scheduler_->step();
  else ++steps_;
}

void RateSchedule::end_epoch(double loss) {
  if (plateau_) plateau_->step(loss);
}

NamedTensors RateSchedule::state() const {
  if (scheduler_) return scheduler_->state();
  NamedTensors all = plateau_->state();
  all.emplace_back(step_name, from_data(&steps_, {}));
  return all;
}

void RateSchedule::load_state(const NamedTensors& state) {
  if (scheduler_) return scheduler_->load_state(state);
  NamedTensors rest;
  const Tensor* step = nullptr;
  for (const auto& entry : state) {
    if (entry.first == step_name) step = &entry.second;
    else rest.push_back(entry);
  }
  if (!step || step->rank() != 0 || step->dtype() != Dtype::int64)
    throw ParamError("RateSchedule: load_state found no number 'step'; restore what state() gave");
  plateau_->load_state(rest);
  steps_ = step->item_integer();
}

}  // namespace gradus
