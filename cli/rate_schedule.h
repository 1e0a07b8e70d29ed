// How the learning rate of a training goes over its steps, as its options say.
#pragma once
#include <cstdint>
#include <optional>

#include "gradus/cli/train_options.h"
#include "gradus/optim/schedule.h"

namespace gradus {

/// options.schedule over epochs of `steps` steps each: a function of the step, or (plateau) of the epochs' losses.
class RateSchedule {
 public:
  /// The optimiser must outlive it. Throws ParamError naming the option that suits no schedule.
  RateSchedule(Optimizer& optimizer, const TrainOptions& options, int64_t steps);
  /// After each step of the optimiser.
  void step();
  /// After each epoch, with its mean loss.
  void end_epoch(double loss);
  int64_t steps() const { return scheduler_ ? scheduler_->steps() : steps_; }

  NamedTensors state() const;
  /// Takes up where state() was called. Throws as Scheduler::load_state.
  void load_state(const NamedTensors& state);

 private:
  std::optional<Scheduler> scheduler_;  // or
  std::optional<ReduceOnPlateau> plateau_;
  int64_t steps_ = 0;  // counted where no scheduler does
};

/// Throws ParamError naming the first option that no schedule can have, or not this one.
void check_schedule_options(const TrainOptions& options);

}  // namespace gradus
