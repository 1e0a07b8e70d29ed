// Schedules: how the learning rate goes over the steps.  Each is a plain function of the step, so that a training that
// is resumed goes on exactly.
//
//   SGD optimizer(model.named_parameters(), {.lr = 0.1, .momentum = 0.9});
//   Scheduler scheduler(optimizer, sequence(linear_warm_up(100), 100, cosine_annealing(900)));
//   for (…) optimizer.step(), scheduler.step();
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "gradus/optim/optimizer.h"

namespace gradus {

/// The rate after `step` steps of the scheduler, from the rate that the optimiser was made with.
using Schedule = std::function<double(double base, int64_t step)>;

// Each throws ParamError when a number of steps is below 1 or gamma is not positive.

/// base gamma^(step / every), the division rounded down; torch.optim.lr_scheduler.StepLR.
Schedule step_decay(int64_t every, double gamma = 0.1);
/// base gamma^(how many milestones are reached); MultiStepLR.
Schedule multi_step_decay(std::vector<int64_t> milestones, double gamma = 0.1);
/// base gamma^step; ExponentialLR.
Schedule exponential_decay(double gamma);
/// Half a cosine from base to `lowest` in `steps` steps, and up again in as many; CosineAnnealingLR.
Schedule cosine_annealing(int64_t steps, double lowest = 0);
/// The same, but back at base at once; each cycle is `growth` times as long as the last; CosineAnnealingWarmRestarts.
Schedule cosine_restarts(int64_t steps, int64_t growth = 1, double lowest = 0);
/// A line from start · base to base in `steps` steps, then base; LinearLR.
Schedule linear_warm_up(int64_t steps, double start = 1.0 / 3);
/// `first` for `steps` steps, `then` afterwards, which counts from 0; SequentialLR.
Schedule sequence(Schedule first, int64_t steps, Schedule then);

struct OneCycleOptions {
  int64_t steps = 0;              // of the whole training
  double rise = 0.3;              // the share of the steps in which the rate goes up
  bool cosine = true;             // or lines
  double div_factor = 25;         // the rate begins at base / div_factor
  double final_div_factor = 1e4;  // and ends at base / (div_factor final_div_factor)
  bool three_phase = false;       // down as slowly as up, then to the end
  double base_momentum = 0.85, max_momentum = 0.95;
};
/// L. N. Smith, N. Topin, Super-convergence, 2018: up to base and down to nearly 0; OneCycleLR with base for its
/// max_lr. The rate stays at the lowest after the last step.
Schedule one_cycle(const OneCycleOptions& options);
/// The momentum that belongs to it: high where the rate is low.
Schedule one_cycle_momentum(const OneCycleOptions& options);

/// Sets the rates of an optimiser, group by group: at once for step 0, and with every step().
class Scheduler {
 public:
  /// The optimiser must outlive the scheduler; its rates, and its momenta where a schedule for them is given, are the
  /// base. Throws ParamError where a group has no momentum to schedule; then nothing has changed.
  explicit Scheduler(Optimizer& optimizer, Schedule lr, Schedule momentum = {});
  void step();
  int64_t steps() const { return step_; }

  /// "step", "base_lr" (groups) and, where it is scheduled, "base_momentum" (groups).
  NamedTensors state() const;
  /// Takes up where state() was called, and sets the rates. Throws as Optimizer::load_state.
  void load_state(const NamedTensors& state);

 private:
  void apply();
  Optimizer* optimizer_;
  Schedule lr_, momentum_;
  std::vector<double> base_lr_, base_momentum_;
  int64_t step_ = 0;
};

struct ReduceOnPlateauOptions {
  bool maximize = false;    // the metric is better when it is larger
  double factor = 0.1;      // by which the rates are multiplied
  int64_t patience = 10;    // how many steps without improvement are borne
  double threshold = 1e-4;  // what counts as an improvement,
  bool relative = true;     // relative to the best, or as a difference
  int64_t cooldown = 0;     // steps after a reduction in which none are counted
  double lowest = 0;        // the smallest rate
  double eps = 1e-8;        // a reduction by no more than that is not done
};

/// Multiplies the rates by `factor` when a metric has not improved for more than `patience` steps;
/// torch.optim.lr_scheduler.ReduceLROnPlateau. A NaN is no improvement.
class ReduceOnPlateau {
 public:
  /// Throws ParamError unless 0 < factor < 1 and the others are at least 0.
  explicit ReduceOnPlateau(Optimizer& optimizer, const ReduceOnPlateauOptions& options = {});
  void step(double metric);

  /// "best", "bad_steps" and "cooldown"; the rates are in the optimiser's state.
  NamedTensors state() const;
  void load_state(const NamedTensors& state);

 private:
  bool improves(double metric) const;
  void reduce();
  Optimizer* optimizer_;
  ReduceOnPlateauOptions options_;
  double best_;
  int64_t bad_steps_ = 0, cooldown_ = 0;
};

}  // namespace gradus
