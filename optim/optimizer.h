// What every optimiser shares: the parameters by name, the learning rate, and state that can be saved and restored.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/named_tensors.h"

namespace gradus {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Changes every parameter that has a gradient; the others stay as they are, and their step is not counted.
  void step();
  /// Forgets all gradients.
  void zero_grad();

  double lr() const { return lr_; }
  /// Throws ParamError unless lr is finite and not negative.
  void set_lr(double lr);

  /// The names of the parameters that have no gradient at the moment: step() would skip them.
  std::vector<std::string> without_gradient() const;

  /// Everything that step() depends on beside parameters, gradients and options: copies of "lr", and for each parameter
  /// that was ever changed "<name>.step" and its buffers, such as "<name>.exp_avg".
  NamedTensors state() const;
  /// Takes up where state() was called. Throws ParamError naming entries that are unknown, missing or twice there, and
  /// ShapeError for one of another shape or dtype; then nothing has changed.
  void load_state(const NamedTensors& state);

 protected:
  static constexpr int most_buffers = 3;
  struct Slot {
    std::string name;
    Tensor parameter;
    int64_t steps = 0;             // how often it was changed, this time included
    Tensor buffers[most_buffers];  // undefined before the first step
  };

  // `op` names the optimiser in errors. Throws ParamError when a name comes twice or a parameter is no dense
  // leaf; `buffer_names` are those that each parameter has.
  Optimizer(const char* op, const NamedTensors& parameters, double lr, std::vector<const char*> buffer_names);
  // Changes slot.parameter along a dense gradient, in one pass.
  virtual void update(Slot& slot, const Tensor& gradient) = 0;

 private:
  const char* op_;
  double lr_ = 0;
  std::vector<const char*> buffer_names_;
  std::vector<Slot> slots_;
};

}  // namespace gradus
