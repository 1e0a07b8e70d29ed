// WeightAverage: an exponential moving average of weights, which is often better than the last weights.
#pragma once
#include "gradus/core/named_tensors.h"

namespace gradus {

struct WeightAverageOptions {
  double decay = 0.999;
  bool warm_up = false;  // follow faster at first: after t updates with min(decay, (1 + t) / (10 + t))
};

/// Begins as a copy of the weights; update() moves it: a = decay a + (1 - decay) w. Of what is not float32 or float64,
/// such as a count of batches, it keeps the latest. Pass Module::state_dict() for the buffers to be averaged too.
class WeightAverage {
 public:
  /// Throws ParamError unless 0 <= decay < 1 and the weights are dense, each under its own name.
  explicit WeightAverage(const NamedTensors& weights, const WeightAverageOptions& options = {});
  void update();
  /// Exchanges weights and average: once to evaluate the average, once more to train on.
  void swap();
  /// The average by the weights' names, sharing its elements.
  NamedTensors averaged() const;

  /// "updates" and a copy of each average.
  NamedTensors state() const;
  /// Takes up where state() was called. Throws ParamError naming entries that are unknown, missing or twice there, and
  /// ShapeError for one of another shape or dtype; then nothing has changed.
  void load_state(const NamedTensors& state);

 private:
  struct Slot {
    std::string name;
    Tensor weight, average;
  };
  WeightAverageOptions options_;
  std::vector<Slot> slots_;
  int64_t updates_ = 0;
};

}  // namespace gradus
