// What every optimiser shares: the parameters by name, in groups with options of their own, and state that can be saved
// and restored.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/lifetime.h"
#include "gradus/core/named_tensors.h"

namespace gradus {

class RecordedStep;

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Changes every parameter that has a gradient; the others stay as they are, and their step is not counted.
  void step();
  /// Forgets all gradients.
  void zero_grad();

  /// The groups are numbered in the order they were added; the constructor makes group 0.
  size_t groups() const { return groups_.size(); }
  double lr(size_t group = 0) const;
  /// Sets the learning rate of every group, or of one. Throws ParamError unless lr is finite and not negative,
  /// IndexError when there is no such group.
  void set_lr(double lr);
  void set_lr(double lr, size_t group);

  /// What carries earlier steps on: the momentum of SGD and RMSprop, beta1 of Adam, AdamW and Lion. Throws ParamError
  /// where the group was made without one.
  double momentum(size_t group = 0) const;
  /// Throws ParamError unless 0 <= momentum < 1.
  void set_momentum(double momentum, size_t group);

  /// The names of the parameters that have no gradient at the moment: step() would skip them.
  std::vector<std::string> without_gradient() const;

  /// Everything that step() depends on beside parameters, gradients and options: copies of each group's "lr", "lr.1" …,
  /// and for each parameter that was ever changed "<name>.step" and its buffers, such as "<name>.exp_avg".
  NamedTensors state() const;
  /// Takes up where state() was called. Throws ParamError naming entries that are unknown, missing or twice there, and
  /// ShapeError for one of another shape or dtype; then nothing has changed.
  void load_state(const NamedTensors& state);

  /// The optimiser's name, as errors begin with it.
  const char* name() const { return op_; }

 protected:
  static constexpr int most_buffers = 3;
  struct Slot {
    std::string name;
    Tensor parameter;
    size_t group = 0;
    int64_t steps = 0;             // how often it was changed, this time included
    Tensor buffers[most_buffers];  // undefined before the first step; recorded steps hold on to where they lie
  };

  // `op` names the optimiser in errors.
  explicit Optimizer(const char* op) : op_(op) {}
  // Adds a group; `buffer_names` are those that each of its parameters has. A tensor under two names, as tied weights
  // are, is one parameter, under the first. Throws ParamError when a name comes twice, a parameter is no dense leaf or
  // stands in another group already, or none requires a gradient; then nothing has changed.
  void add_parameters(const NamedTensors& parameters, double lr, std::vector<const char*> buffer_names);
  // Changes slot.parameter along a dense gradient, in one pass.
  virtual void update(Slot& slot, const Tensor& gradient) = 0;
  // Where a group's momentum stands; null where it has none.
  virtual double* momentum_of(size_t group) = 0;

 private:
  struct Group {
    double lr;
    std::vector<const char*> buffer_names;
  };
  void begin(Slot& slot);
  void watch(size_t slot, RecordedStep& recording);
  double& momentum_in(size_t group) const;
  void check_group(size_t group) const;
  const char* op_;
  std::vector<Group> groups_;
  std::vector<Slot> slots_;
  Lifetime lifetime_;
};

/// An optimiser whose groups each have options of their own.
template <class Options> class GroupedOptimizer : public Optimizer {
 public:
  /// Adds parameters that follow options of their own. Throws as the constructor does, and ParamError for a name or a
  /// tensor that is there already; then nothing has changed.
  void add_group(const NamedTensors& parameters, const Options& options) {
    options.check(name());
    add_parameters(parameters, options.lr, options.buffers());
    options_.push_back(options);
  }

 protected:
  GroupedOptimizer(const char* op, const NamedTensors& parameters, const Options& options) : Optimizer(op) {
    add_group(parameters, options);
  }
  const Options& options(const Slot& slot) const { return options_[slot.group]; }

 private:
  double* momentum_of(size_t group) override {
    Options& o = options_[group];
    if constexpr (requires { o.beta1; }) return &o.beta1;
    else if constexpr (requires { o.momentum; }) return o.momentum > 0 ? &o.momentum : nullptr;
    else return nullptr;
  }
  std::vector<Options> options_;
};

}  // namespace gradus
