// When a training leaves the finite numbers: what a step started from, and which op is to blame.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gradus/core/random.h"
#include "gradus/nn/module.h"

namespace gradus {

/// What the forward of a step changes: random numbers drawn, and buffers such as running statistics. `restore` undoes
/// it, so that the step can be saved as if it had not begun, or run again.
class StepStart {
 public:
  /// `random` may be null; the process's generator is always kept.
  StepStart(Module& model, Generator* random);
  void restore();

 private:
  std::vector<std::pair<Generator*, Generator::State>> generators_;
  std::vector<std::pair<Tensor, Tensor>> buffers_;  // a buffer, and a copy of it
};

/// Is every number of a tensor on the CPU finite? Elsewhere nobody looks.
bool is_finite(const Tensor& t);
/// The same of all gradients.
bool finite_gradients(const NamedTensors& parameters);

/// Runs a step again, in anomaly mode, and says which op made the first number that is not finite: the text of the
/// error, or which parameter was not finite before; "" where the step goes well. `loss` is its forward.
std::string origin_of(const NamedTensors& parameters, const std::function<Tensor()>& loss);

}  // namespace gradus
