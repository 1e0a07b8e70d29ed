// A step of a training that a device keeps: its kernels are recorded once, and started all together from then on.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "gradus/core/device.h"

namespace gradus {

class RecordedStep;

/// What capture() returns; every call is one step.
///
/// On the CPU it calls the function. For a device it does so too the first time, records the second, and then starts
/// what it has recorded without calling the function again. So what the function does beside its kernels happens in the
/// first two calls alone: new data are copied into the tensors that it reads, before the call, and results are read
/// from the tensors that it wrote, after it. What optimisers, averages of weights and dropout count or draw, and
/// learning rates, go on from step to step.
///
///   auto step = gradus::capture([&] {
///     optimizer.zero_grad();
///     loss = cross_entropy(model(x), y);
///     backward(loss);
///     optimizer.step();
///   });
///   for (const Dataset& batch : loader.epoch(0)) {
///     copy_elements(batch["features"], x), copy_elements(batch["labels"], y);
///     step();
///   }
///
/// Throws StateError naming the op where the step does what cannot be recorded: reads a number of the device, moves
/// tensors to or from the CPU, or uses two devices. Labels outside their range are told when the next number is read.
class CapturedStep {
 public:
  explicit CapturedStep(std::function<void()> step);
  void operator()();
  /// Is it started from what was recorded?
  bool recorded() const { return recording_ != nullptr; }

 private:
  std::function<void()> step_;
  std::optional<Device> device_;  // cpu or another; not known before the first call
  std::shared_ptr<RecordedStep> recording_;
};

CapturedStep capture(std::function<void()> step);

}  // namespace gradus
