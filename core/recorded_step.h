// While a step is recorded for a device, or played again: what the ops and the optimisers need to know of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gradus/core/tensor.h"

namespace gradus {

class RecordedStep {
 public:
  explicit RecordedStep(Device device);
  RecordedStep(const RecordedStep&) = delete;
  RecordedStep& operator=(const RecordedStep&) = delete;
  ~RecordedStep();

  // Of this thread; null where nothing is recorded or refreshed.
  static RecordedStep* active();
  // Throws StateError where a step is being recorded: `op` does what has no place in one.
  static void refuse(const char* op, const char* does);

  // Runs the step, whose kernels are kept; what it throws is thrown on, and nothing has been kept.
  void record(const std::function<void()>& step);
  // Computes anew what varies, and starts the kernels.
  void replay();

  // ---- for what the step calls ----

  // Are the values that vary computed anew? Then nothing else is to be done.
  bool refreshes() const { return refreshing_; }
  // Where a value will lie on the device, in every replay as it is by then: when refreshing, the calls come in the
  // order in which they came when recording.
  const void* varying(const void* value, size_t bytes);
  // What calls varying() again, for the next replay.
  void before_each(std::function<void()> refresh) { refreshes_.push_back(std::move(refresh)); }
  // What is to be looked at after each replay, when somebody waits for the device.
  void check_each(std::function<void()> check) { checks_.push_back(std::move(check)); }
  // What is done once, after recording and before the first replay.
  void before_first(std::function<void()> start) { starts_.push_back(std::move(start)); }
  // A tensor on the device that lasts from replay to replay, and holds `value` before the first: of memory that the
  // step uses for nothing else.
  Tensor lasting(const Shape& shape, Dtype dtype, double value);
  // What is undone where the recording ends with an exception.
  void if_abandoned(std::function<void()> undo) { undoings_.push_back(std::move(undo)); }

  // What an update may depend on, which is known after a replay: the next waits for it.
  struct Condition {
    Tensor flag;                 // one bool on the device: the update happens where it is true by then
    std::shared_ptr<bool> held;  // what it was in the last replay, once the checks of that are settled
  };
  // Of the parameter's updates that are recorded from now on.
  void update_only_if(const Tensor& parameter, Condition c) { conditions_[parameter.state().get()] = std::move(c); }
  // Null where nothing is asked.
  const Condition* condition_of(const Tensor& parameter) const;

 private:
  void refresh();
  Device device_;
  void* graph_ = nullptr;
  Tensor there_;                   // the values that vary, on the device
  std::vector<std::byte> values_;  // the same on the CPU
  size_t at_ = 0;                  // of the next of them, when refreshing
  bool refreshing_ = false;
  bool fresh_ = false;  // the values are those of the recording, which the first replay takes
  std::vector<std::function<void()>> refreshes_, checks_, starts_, undoings_;
  std::unordered_map<const TensorState*, Condition> conditions_;
};

}  // namespace gradus
